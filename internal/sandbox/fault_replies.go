package sandbox

import (
	"bytes"
	"io"
	"net/http"
	"time"
)

// serve answers by next, unless a fault says otherwise.
func (l *faultList) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	fault, ok := l.take(r)
	if !ok {
		next.ServeHTTP(w, r)
		return
	}
	if fault.Cut == CutAfter {
		next.ServeHTTP(&lostReply{header: http.Header{}}, r)
	}
	if !wait(r, fault.Delay) {
		panic(http.ErrAbortHandler) // nobody is there to be answered
	}
	for name, value := range fault.Header {
		w.Header().Set(name, value)
	}
	switch {
	case fault.Status != 0:
		fault.reply(w)
	case fault.Cut != "":
		panic(http.ErrAbortHandler) // the documented way to close the connection without a reply
	default:
		next.ServeHTTP(w, r)
	}
}

func (f Fault) reply(w http.ResponseWriter) {
	w.Header().Set(FaultHeader, "1")
	if f.ContentType != "" {
		w.Header().Set("Content-Type", f.ContentType)
	}
	w.WriteHeader(f.Status)
	_, _ = io.WriteString(w, f.Body)
}

// wait reports whether the client was still there after the delay. It reads the body first, since the
// server notices that a client has gone only once the body is read.
func wait(r *http.Request, delay time.Duration) bool {
	if delay == 0 {
		return true
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return false
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// A lostReply takes a reply that nobody will see.
type lostReply struct{ header http.Header }

func (l *lostReply) Header() http.Header            { return l.header }
func (l *lostReply) Write(data []byte) (int, error) { return len(data), nil }
func (l *lostReply) WriteHeader(int)                {}
