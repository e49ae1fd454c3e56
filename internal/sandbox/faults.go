package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// FaultHeader is set, to "1", on a reply that a fault made up. Such a reply need not fit the API.
const FaultHeader = "Sandbox-Fault"

// The values of Fault.Cut.
const (
	CutBefore = "before" // the deed is not done
	CutAfter  = "after"  // the deed is done and its reply is lost
)

// A Fault is something that goes wrong with the requests that match it. The first fault that matches
// is used, in the order of injection.
type Fault struct {
	Method string // empty: every method
	// Path is the whole path of the request, without query: "/hub/v2/access-tokens". It may be a
	// pattern of path.Match, where * stands for one element: "/hub/v2/access-tokens/*". With a
	// slash at its end it is a prefix: "/hub/". Empty: every path.
	Path string

	// Delay comes before the deed, which is then not done if the client goes away meanwhile. With
	// CutAfter it comes after the deed, so that a client may give up on what was done.
	Delay time.Duration

	// Status makes up a reply, with ContentType and Body, and the deed is not done unless Cut is
	// CutAfter. 0: the ordinary reply. Header is added to either.
	Status            int
	ContentType, Body string
	Header            map[string]string

	// Cut closes the connection instead of replying, unless there is a Status. Go's HTTP client
	// repeats a GET by itself when a connection that it used before is cut, so there Times: 1 may
	// go unnoticed. A Content-Length in Header greater than Body cuts a made-up reply short.
	Cut string

	Times int // how often; 0: until ClearFaults
}

// Inject adds a fault. It panics when the fault makes no sense, since that is a mistake in a test.
func (s *Sandbox) Inject(fault Fault) {
	if err := s.faults.add(fault); err != nil {
		panic("sandbox: " + err.Error())
	}
}

// ClearFaults removes every fault. Those that are under way go on.
func (s *Sandbox) ClearFaults() { s.faults.clear() }

func (f Fault) check() error {
	_, patternErr := path.Match(f.Path, "/")
	switch {
	case patternErr != nil:
		return fmt.Errorf("fault path %q: %w", f.Path, patternErr)
	case f.Path != "" && !strings.HasPrefix(f.Path, "/"):
		return fmt.Errorf("fault path %q does not begin with a slash", f.Path)
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("fault status %d is not between 200 and 599", f.Status)
	case !slices.Contains([]string{"", CutBefore, CutAfter}, f.Cut):
		return fmt.Errorf("fault cut %q is neither %q nor %q", f.Cut, CutBefore, CutAfter)
	case f.Cut == CutBefore && f.Status != 0:
		return errors.New("fault has both a status and a cut before it")
	case f.Delay < 0 || f.Times < 0:
		return errors.New("fault delay or times below zero")
	}
	return nil
}

func (f Fault) matches(r *http.Request) bool {
	if f.Method != "" && f.Method != r.Method {
		return false
	}
	if f.Path == "" || strings.HasSuffix(f.Path, "/") {
		return strings.HasPrefix(r.URL.Path, f.Path)
	}
	ok, _ := path.Match(f.Path, r.URL.Path) // check has seen the pattern
	return ok
}

type faultList struct {
	mu     sync.Mutex
	active []Fault
}

func (l *faultList) add(f Fault) error {
	if err := f.check(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active = append(l.active, f)
	return nil
}

func (l *faultList) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active = nil
}

// take uses up one time of the first fault that matches.
func (l *faultList) take(r *http.Request) (Fault, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.active, func(f Fault) bool { return f.matches(r) })
	if i < 0 {
		return Fault{}, false
	}
	fault := l.active[i]
	switch fault.Times {
	case 0:
	case 1:
		l.active = slices.Delete(l.active, i, i+1)
	default:
		l.active[i].Times--
	}
	return fault, true
}

// A faultJSON is a Fault over HTTP: the same members in snake case, and the delay as "100ms".
type faultJSON struct {
	Method      string            `json:"method,omitempty"`
	Path        string            `json:"path,omitempty"`
	Delay       string            `json:"delay,omitempty"`
	Status      int               `json:"status,omitempty"`
	ContentType string            `json:"content_type,omitempty"`
	Body        string            `json:"body,omitempty"`
	Header      map[string]string `json:"header,omitempty"`
	Cut         string            `json:"cut,omitempty"`
	Times       int               `json:"times,omitempty"`
}

// serveFaults is the control of the sandbox itself, which imitates nothing.
func (s *Sandbox) serveFaults(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodDelete:
		s.ClearFaults()
	case http.MethodPost:
		if err := s.injectJSON(w, r); err != nil {
			writeJSON(w, http.StatusBadRequest, apiError{Message: "bad request", Detail: err.Error()})
			return
		}
	default:
		s.unknownRoute(w, r)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Sandbox) injectJSON(w http.ResponseWriter, r *http.Request) error {
	var text faultJSON
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields() // a misspelt member would make a fault that never strikes as meant
	if err := decoder.Decode(&text); err != nil {
		return fmt.Errorf("read the fault: %w", err)
	}
	fault := Fault{
		Method: text.Method, Path: text.Path, Status: text.Status, ContentType: text.ContentType,
		Body: text.Body, Header: text.Header, Cut: text.Cut, Times: text.Times,
	}
	if text.Delay != "" {
		delay, err := time.ParseDuration(text.Delay)
		if err != nil {
			return fmt.Errorf("read the fault: %w", err)
		}
		fault.Delay = delay
	}
	return s.faults.add(fault)
}
