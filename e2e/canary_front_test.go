package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/docker-pat/docker-pat/internal/sandbox/sandboxtest"
)

// A front stands before a sandbox and takes note of each secret that goes in or out. When it echoes, it answers
// everything itself, with what it was sent.
type front struct {
	*httptest.Server

	mu      sync.Mutex
	secrets map[string]string // to what Docker makes of each: in base64, after a user name
	echo    int               // the status of an echo; 0: none
}

func newFront(t *testing.T, hub *sandboxtest.Server) *front {
	t.Helper()
	target, err := url.Parse(hub.URL)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{secrets: map[string]string{}}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // the sandbox names itself by it
		},
		ModifyResponse: func(r *http.Response) error {
			body, err := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			f.noteBody(body)
			return err
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		f.noteHeader(r.Header.Get("Authorization"))
		f.noteBody(body)
		if status := f.echoes(); status != 0 {
			sent := r.Header.Get("Authorization") + " " + string(body)
			reply, _ := json.Marshal(map[string]string{"message": sent, "detail": sent, "error": sent, "error_description": sent}) // strings can be marshalled
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write(reply) // the client may have gone
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

// environment points docker-pat here in place of the sandbox.
func (f *front) environment(hub *sandboxtest.Server) []string {
	var env []string
	_, theirs, _ := strings.Cut(hub.Addr, ":")
	ours := f.URL[strings.LastIndexByte(f.URL, ':')+1:]
	for _, entry := range hub.Environment() {
		env = append(env, strings.ReplaceAll(entry, ":"+theirs, ":"+ours))
	}
	return env
}

func (f *front) setEcho(status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.echo = status
}

func (f *front) echoes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.echo
}

// secretNames are the members that hold secrets in the bodies of both sides, JSON or form.
func secretNames() []string {
	return []string{
		"password", "secret", "code", "login_2fa_token", "token", "access_token", "refresh_token", "id_token", "device_code",
	}
}

func (f *front) noteBody(body []byte) {
	var members map[string]any
	if json.Unmarshal(body, &members) == nil {
		for _, name := range secretNames() {
			if text, ok := members[name].(string); ok {
				f.note(text)
			}
		}
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return // it is of the registry
	}
	for _, name := range secretNames() {
		f.note(form.Get(name))
	}
}

func (f *front) noteHeader(authorization string) {
	kind, text, _ := strings.Cut(authorization, " ")
	if kind == "Basic" {
		decoded, err := base64.StdEncoding.DecodeString(text)
		f.note(text)
		if _, password, ok := strings.Cut(string(decoded), ":"); err == nil && ok {
			f.note(password)
		}
		return
	}
	f.note(text)
}

// note takes a secret apart where it is a token of three parts, the last of which alone is as good as a secret.
func (f *front) note(text string) {
	const enough = 6 // characters; what is shown of a token in place of its secret is shorter
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, part := range append(strings.Split(text, "."), text) {
		if len(part) >= enough {
			f.secrets[part] = base64.StdEncoding.EncodeToString([]byte(user + ":" + part))
		}
	}
}

// finds tells whether there is a secret in data, by itself or after a user name in base64. A one-time code counts
// only where it is not part of a longer number or name.
func (f *front) finds(data []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for secret, encoded := range f.secrets {
		isCode := len(secret) == len("000000")
		switch {
		case bytes.Contains(data, []byte(encoded)), !isCode && bytes.Contains(data, []byte(secret)):
			return true
		case isCode && bytes.Contains(data, []byte(secret)) && regexp.MustCompile(`\b`+regexp.QuoteMeta(secret)+`\b`).Match(data):
			return true
		}
	}
	return false
}
