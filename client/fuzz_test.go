package client

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/docker-pat/docker-pat/internal/secret"
)

// FuzzChallenge finds in a well-formed header what it was made from, and ends for every other one.
func FuzzChallenge(f *testing.F) {
	f.Add(`Bearer realm="https://auth.docker.io/token",service="registry.docker.io"`, "r", "s")
	f.Add(`Basic realm=x, Bearer realm="y`, "a,b", "=")
	f.Add(`Negotiate dG9rZW4=`, "", " ")
	f.Add("\x00=\"", "", "")
	f.Fuzz(func(t *testing.T, header, realm, service string) {
		scheme, parameters := challenge(header)
		if scheme != strings.ToLower(scheme) || len(parameters) > len(header) {
			t.Errorf("challenge(%q) = %q, %q", header, scheme, parameters)
		}
		for name, value := range parameters {
			if name != strings.TrimSpace(strings.ToLower(name)) || !strings.Contains(header, value) {
				t.Errorf("challenge(%q) has %q=%q", header, name, value)
			}
		}
		if strings.Contains(realm+service, `"`) {
			return // registries escape nothing
		}
		scheme, parameters = challenge(`Bearer realm="` + realm + `",service="` + service + `"`)
		if scheme != "bearer" || parameters["realm"] != realm || parameters["service"] != service || len(parameters) != 2 {
			t.Errorf("realm %q and service %q came back as %q, %q", realm, service, scheme, parameters)
		}
	})
}

// FuzzDetail holds what is shown of an error body to one short line without the secret.
func FuzzDetail(f *testing.F) {
	for _, body := range []string{
		`{"detail":"Rate limit exceeded","error":false}`, `{"message":"unauthorized","errinfo":{}}`,
		`{"fields":{"token_label":["too long"]},"text":"bad"}`, `{"details":"no"}`, `<html>`, `{"text":"\u001b[31m\u202e"}`, "\xff\x00",
	} {
		f.Add([]byte(body), "whale-of-a-password")
	}
	f.Fuzz(func(t *testing.T, body []byte, hidden string) {
		for what, got := range map[string]string{"detail": detail(body, secret.New(hidden)), "describe": describe("", body, secret.New(hidden))} {
			if strings.ContainsFunc(got, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) || !utf8.ValidString(got) {
				t.Errorf("%s(%q) = %q: not for a terminal", what, body, got)
			}
			if n := utf8.RuneCountInString(got); n > 900 { // quoting may lengthen the 200
				t.Errorf("%s(%q) has %d characters", what, body, n)
			}
		}
		if len(hidden) < minMasked || strings.Contains(secret.Mask, hidden) || !plain(hidden) {
			return
		}
		echo, err := json.Marshal(map[string]string{"message": "we got " + hidden + "!"})
		if err != nil {
			t.Fatal(err)
		}
		if got := detail(echo, secret.New(hidden)); strings.Contains(got, hidden) {
			t.Errorf("detail shows the secret: %q", got)
		}
	})
}

// plain tells that text means itself in JSON and on a terminal, and cannot arise from the words around.
func plain(text string) bool {
	for _, r := range text {
		if r <= ' ' || r > '~' || strings.ContainsRune("we got!", r) {
			return false
		}
	}
	return true
}

// FuzzWireToken reads any token that json itself reads, in UTC, and keeps its text as it is.
func FuzzWireToken(f *testing.F) {
	f.Add([]byte(`{"uuid":"a","token_label":"ci","scopes":["repo:read"],"is_active":true,"expires_at":null,"last_used":""}`))
	f.Add([]byte(`{"uuid":"a","created_at":"2021-07-20T12:00:00.000000Z","expires_at":"2029-12-31T23:59:59+14:00"}`))
	f.Add([]byte(`{"scopes":null,"generated_by":"docker-desktop"}`))
	f.Add([]byte(`{"expires_at":"0000-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var wire wireToken
		if err := json.Unmarshal(data, &wire); err != nil {
			return
		}
		got := wire.token()
		if got.ID != wire.UUID || got.Label != wire.Label || got.Active != wire.IsActive || got.Auto && wire.GeneratedBy == "" {
			t.Errorf("%q became %+v", data, got)
		}
		for _, at := range []time.Time{got.CreatedAt, got.LastUsedAt, got.ExpiresAt} {
			if at.Location() != time.UTC {
				t.Errorf("%q: %v is not in UTC", data, at)
			}
			if text, err := at.MarshalJSON(); err == nil {
				var again wireTime
				if err := again.UnmarshalJSON(text); err != nil || !again.Equal(at) {
					t.Errorf("%s became %v, %v", text, again, err)
				}
			}
		}
	})
}

// FuzzOperation finds in a description what was put there, and takes no other text for it.
func FuzzOperation(f *testing.F) {
	f.Add("of the build", "5b0c")
	f.Add(" [operation/x]", "y")
	f.Add("", "x")
	f.Fuzz(func(t *testing.T, description, operation string) {
		if strings.ContainsAny(operation, "[]") {
			return // it is a UUID
		}
		got, found := splitDescription(describeOperation(description, operation))
		if operation != "" && (got != description || found != operation) {
			t.Errorf("%q and %q came back as %q and %q", description, operation, got, found)
		}
		if !strings.Contains(description, operationMark) {
			if got, found := splitDescription(description); got != description || found != "" {
				t.Errorf("%q is taken for %q and %q", description, got, found)
			}
		}
	})
}
