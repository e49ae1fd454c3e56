package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/secret"
)

// checkText holds an error to what a terminal and a log may get.
func checkText(t *testing.T, name string, err error, secrets ...string) {
	t.Helper()
	if err == nil {
		return
	}
	text := err.Error()
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
		t.Errorf("%s: control characters in %q", name, text)
	}
	if n := utf8.RuneCountInString(text); n > 400 {
		t.Errorf("%s: %d characters: %.500q", name, n, text)
	}
	for _, s := range secrets {
		for e := err; e != nil; e = errors.Unwrap(e) {
			if shown := fmt.Sprintf("%v %+v %#v", e, e, e); strings.Contains(shown, s) {
				t.Errorf("%s: a secret is in %T: %.200q", name, e, shown)
			}
		}
	}
}

// TestEcho has a service that sends back all that it was sent, wrapped in escape sequences.
func TestEcho(t *testing.T) {
	t.Parallel()
	bearer := "eyJ" + "hbGciOiJub25lIn0.eyJzdWIiOiJtb2J5In0.c2lnbmF0dXJl"
	shapes := map[string]func(echo string) string{
		"detail":  func(echo string) string { return quoted(map[string]any{"detail": echo}) },
		"message": func(echo string) string { return quoted(map[string]any{"message": echo, "errinfo": nil}) },
		"details": func(echo string) string { return quoted(map[string]any{"details": echo}) },
		"fields": func(echo string) string {
			return quoted(map[string]any{"text": "no", "fields": map[string]any{"x": []string{echo}}})
		},
		"text": func(echo string) string { return echo },
	}
	for _, status := range []int{200, 401} {
		for shape, wrap := range shapes {
			server := record(t, nil)
			server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body := make([]byte, 4096)
				n, _ := r.Body.Read(body)
				echo := "\x1b[31m\u202e" + r.Header.Get("Authorization") + "|" + string(body[:n]) + "|" + madeUp + strings.Repeat(" and more", 1000)
				reply(status, "text/plain", wrap(echo))(w, r)
			})
			for _, op := range operations() {
				if strings.HasSuffix(op.name, "DeleteToken") && status == 200 {
					continue
				}
				err := op.call(t.Context(), newClient(t, server.URL, nil).WithBearer(secret.New(bearer)))
				if err == nil {
					t.Errorf("%d as %s, %s: no error", status, shape, op.name)
				}
				checkText(t, fmt.Sprintf("%d as %s, %s", status, shape, op.name), err, append(op.secrets, bearer, madeUp)...)
			}
		}
	}
}

func quoted(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// TestEchoOfARegistry is the same for the check of a token.
func TestEchoOfARegistry(t *testing.T) {
	t.Parallel()
	for _, text := range []string{password, madeUp} {
		server := record(t, func(w http.ResponseWriter, r *http.Request) {
			_, sent, ok := r.BasicAuth()
			if !ok {
				w.Header().Set("Www-Authenticate", `Basic realm="x"`)
			}
			reply(401, "application/json", quoted(map[string]any{"details": "\x1b[31m" + sent + " " + r.Header.Get("Authorization")}))(w, r)
		})
		err := newRegistry(t, server.URL).SignIn(t.Context(), "moby", secret.New(text))
		if !errors.Is(err, client.ErrUnauthorized) {
			t.Errorf("got %v", err)
		}
		checkText(t, "registry", err, text)
	}
}

// TestNothingPrintsItsSecret is about the values that programs hold.
func TestNothingPrintsItsSecret(t *testing.T) {
	t.Parallel()
	text := secret.New(madeUp)
	c := newClient(t, "https://hub.example", nil).WithBearer(text)
	session, err := client.SessionFromBearer("moby", text)
	if err != nil {
		t.Fatal(err)
	}
	api := &client.APIError{Method: "GET", Path: "/", Status: 401, Detail: "no"}
	for _, value := range []any{c, *c, session, &session, &client.SecondFactorError{LoginToken: text}, client.SecondFactorError{LoginToken: text}, text, &text, []client.Secret{text}, api, *api} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if shown := fmt.Sprintf(verb, value); strings.Contains(shown, madeUp) || strings.Contains(shown, fmt.Sprintf("%x", madeUp)) {
				t.Errorf("%s of %T shows the secret", verb, value)
			}
		}
		if data, err := json.Marshal(value); strings.Contains(string(data), madeUp) {
			t.Errorf("JSON of %T shows the secret (%v)", value, err)
		}
	}
	if shown := fmt.Sprintf("%+v", session); !strings.Contains(shown, secret.Mask) {
		t.Errorf("got %q, want the mask in it", shown)
	}
}
