package sandbox

import (
	"net/http"
	"slices"
	"sync"
)

// maxRequests bounds the request log, so that a sandbox left running does not grow for ever.
const maxRequests = 10_000

// A Request is what the log keeps of one request: no query, header or body, where secrets travel.
type Request struct {
	Method, Path string
	Status       int // 0: the connection was cut without a reply
}

// Requests returns the requests so far, in the order in which they were finished, the last 5,000
// at most. Requests to the sandbox's own controls are not among them.
func (s *Sandbox) Requests() []Request { return s.requests.list() }

type requestLog struct {
	mu   sync.Mutex
	done []Request
}

func (l *requestLog) add(r Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.done) == maxRequests {
		l.done = slices.Delete(l.done, 0, maxRequests/2)
	}
	l.done = append(l.done, r)
}

func (l *requestLog) list() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.done)
}

// A statusRecorder remembers the status of the reply.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (r *statusRecorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *statusRecorder) Write(data []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(data)
}
