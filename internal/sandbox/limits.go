package sandbox

import (
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// announcedLimit is the number of requests per minute that Hub was seen to announce.
const announcedLimit = 180

// A rateWindow counts the requests of one minute, which begins with its first request.
type rateWindow struct {
	mu   sync.Mutex
	ends time.Time
	used int
}

// take counts one request at now and returns how many were made in the window, and its end.
func (w *rateWindow) take(now time.Time) (used int, ends time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !now.Before(w.ends) {
		w.ends, w.used = now.Add(time.Minute), 0
	}
	w.used++
	return w.used, w.ends
}

// limited sets the rate limit headers that every reply of the Hub API carries, and answers 429 when
// the limit is spent. All clients share one window, since all of them come from this machine.
// Source: Docker Hub API reference, section on rate limiting; the forms of the waiting header and
// the plain text are from answers that users reported.
func (s *Sandbox) limited(w http.ResponseWriter) bool {
	limit := s.opts.RateLimit
	if limit == 0 {
		limit = announcedLimit
	}
	now := s.now()
	used, ends := s.window.take(now)
	header := w.Header()
	header.Set("X-RateLimit-Limit", strconv.Itoa(limit))
	header.Set("X-RateLimit-Remaining", strconv.Itoa(max(limit-used, 0)))
	header.Set("X-RateLimit-Reset", strconv.FormatInt(ends.Unix(), 10))
	if s.opts.RateLimit == 0 || used <= limit {
		return false
	}
	switch s.opts.RetryHeader {
	case RetryUnixTime:
		header.Set("Retry-After", strconv.FormatInt(ends.Unix(), 10))
	case RetryXUnixTime:
		header.Set("X-Retry-After", strconv.FormatInt(ends.Unix(), 10))
	default:
		wait := (ends.Sub(now) + time.Second - 1) / time.Second // rounded up, or the client comes too early
		header.Set("Retry-After", strconv.FormatInt(int64(wait), 10))
	}
	if s.opts.LimitBody == LimitText {
		header.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, "Too Many Requests (HAP429)")
		return true
	}
	writeJSON(w, http.StatusTooManyRequests, struct {
		Detail string `json:"detail"`
		Error  bool   `json:"error"`
	}{Detail: "Rate limit exceeded"})
	return true
}
