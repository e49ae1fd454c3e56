package client

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/secret"
)

func TestRetryAt(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	unix := time.Unix(1_800_000_000, 0)
	tests := []struct {
		name string
		h    map[string]string
		want time.Time
	}{
		{"nothing", nil, time.Time{}},
		{"seconds", map[string]string{"Retry-After": "30"}, now.Add(30 * time.Second)},
		{"seconds in blanks", map[string]string{"Retry-After": " 30 "}, now.Add(30 * time.Second)},
		{"zero", map[string]string{"Retry-After": "0"}, now},
		{"last of the seconds", map[string]string{"Retry-After": "999999999"}, now.Add(999999999 * time.Second)},
		{"first of the instants", map[string]string{"Retry-After": "1000000000"}, time.Unix(1_000_000_000, 0)},
		{"unix time", map[string]string{"Retry-After": "1800000000"}, unix},
		{"date", map[string]string{"Retry-After": "Mon, 23 Nov 2026 12:00:45 GMT"}, now.Add(45 * time.Second)},
		{"old header", map[string]string{"X-Retry-After": "1800000000"}, unix},
		{"window", map[string]string{"X-Ratelimit-Reset": "1800000000"}, unix},
		{"new before old", map[string]string{"X-Retry-After": "1800000000", "Retry-After": "5"}, now.Add(5 * time.Second)},
		{"old before window", map[string]string{"X-Ratelimit-Reset": "1900000000", "X-Retry-After": "1800000000"}, unix},
		{"garbage, then window", map[string]string{"Retry-After": "soon", "X-Ratelimit-Reset": "1800000000"}, unix},
		{"negative", map[string]string{"Retry-After": "-5"}, time.Time{}},
		{"fraction", map[string]string{"Retry-After": "1.5"}, time.Time{}},
		{"too large for an int64", map[string]string{"Retry-After": strings.Repeat("9", 30)}, time.Time{}},
		{"too late for a time", map[string]string{"Retry-After": "9223372036854775807"}, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
	}
	for _, tt := range tests {
		h := http.Header{}
		for name, value := range tt.h {
			h.Set(name, value)
		}
		if got := retryAt(h, now); !got.Equal(tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	want := []time.Duration{1 * time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 64 * time.Second}
	for i, try := range []int{0, 1, 2, 3, 1000} {
		if got := (&APIError{}).pause(try); got != want[i] {
			t.Errorf("try %d without an instant: %v, want %v", try, got, want[i])
		}
	}
	for _, ahead := range []time.Duration{-time.Hour, 0, 300 * time.Millisecond, 1400 * time.Millisecond, 1500 * time.Millisecond, time.Hour, 1e6 * time.Hour} {
		at := time.Now().Add(ahead)
		got := (&APIError{RetryAt: at}).pause(0)
		left := time.Until(at)
		if got < left || got < time.Second || got%time.Second != 0 || got > max(ahead, 0)+time.Second {
			t.Errorf("%v ahead: %v; want whole seconds, one at least, and not early", ahead, got)
		}
	}
}

func TestChallenge(t *testing.T) {
	t.Parallel()
	tests := []struct {
		header, scheme string
		parameters     map[string]string
	}{
		{``, "", map[string]string{}},
		{`Bearer`, "bearer", map[string]string{}},
		{
			`Bearer realm="https://auth.docker.io/token",service="registry.docker.io"`, "bearer",
			map[string]string{"realm": "https://auth.docker.io/token", "service": "registry.docker.io"},
		},
		{`  BEARER  Realm="r" , SCOPE="a:b,c:d"`, "bearer", map[string]string{"realm": "r", "scope": "a:b,c:d"}},
		{`Basic realm="a realm, with = and more"`, "basic", map[string]string{"realm": "a realm, with = and more"}},
		{`Basic realm=token`, "basic", map[string]string{"realm": "token"}},
		{`Bearer a=b,c="d",e=f`, "bearer", map[string]string{"a": "b", "c": "d", "e": "f"}},
		{`Bearer realm="unfinished`, "bearer", map[string]string{"realm": "unfinished"}},
		{`Bearer realm=""`, "bearer", map[string]string{"realm": ""}},
		{`Negotiate dG9rZW4=`, "negotiate", map[string]string{"dg9rzw4": ""}},
	}
	for _, tt := range tests {
		scheme, parameters := challenge(tt.header)
		if scheme != tt.scheme || !reflect.DeepEqual(parameters, tt.parameters) {
			t.Errorf("challenge(%q) = %q, %q; want %q, %q", tt.header, scheme, parameters, tt.scheme, tt.parameters)
		}
	}
}

func TestDetail(t *testing.T) {
	t.Parallel()
	hidden := secret.New("wh\"le & <co>")
	for body, want := range map[string]string{
		``:                                  "",
		`null`:                              "",
		`[]`:                                "",
		`"text"`:                            "",
		`<html>`:                            "",
		`{}`:                                "",
		`{"detail":"a","message":"b"}`:      "a",
		`{"detail":"","message":"b"}`:       "b",
		`{"detail":7,"message":"b"}`:        "b",
		`{"message":"b","errinfo":{}}`:      "b",
		`{"text":"c","details":"d"}`:        "c",
		`{"details":"d"}`:                   "d",
		`{"Detail":"a"}`:                    "",
		`{"message":"bad\r\n\u001b[31m x"}`: "bad [31m x",
		`{"message":"\u202eabc\u2028\u0085d\u200b"}`:                       "abc d",
		`{"message":"` + strings.Repeat("é", 300) + `"}`:                   strings.Repeat("é", 200) + "…",
		`{"text":"no","fields":{"b":["long","bad"],"a":["x"]}}`:            "no: a [x]; b [long bad]",
		`{"fields":{"a":["x"]}}`:                                           "a [x]",
		`{"fields":{}}`:                                                    "",
		`{"fields":["a"],"text":"t"}`:                                      "t",
		`{"message":"it was wh\"le & <co>!"}`:                              "it was " + secret.Mask + "!",
		`{"message":"Bearer abcdefghijkl was sent"}`:                       secret.Mask + " was sent",
		`{"message":"sent {\"p\":\"wh\\\"le \\u0026 \\u003cco\\u003e\"}"}`: `sent {"p":"` + secret.Mask + `"}`,
	} {
		if got := detail([]byte(body), hidden, secret.New("t"), Secret{}); got != want {
			t.Errorf("detail(%s) = %q, want %q", body, got, want)
		}
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 505) + "a-secret-of-mine"
	tests := []struct{ contentType, body, want string }{
		{"application/json", " \r\n", "an empty reply"},
		{"application/json", "\n <html>", "an HTML page"},
		{"text/html; charset=utf-8", "hello", "an HTML page"},
		{"", `{"a":`, "JSON of another form"},
		{"", `[1]`, "JSON of another form"},
		{"text/plain", "upstream\tdown\x07", `"upstream down"`},
		{"text/plain", long, `"` + strings.Repeat("x", 200) + `…"`},
		{"text/plain", "see " + strings.Repeat("a-secret-of-mine ", 60), `"see ` + strings.Repeat(secret.Mask+" ", 17) + `[redacted…"`},
	}
	for _, tt := range tests {
		if got := describe(tt.contentType, []byte(tt.body), secret.New("a-secret-of-mine")); got != tt.want {
			t.Errorf("describe(%q, %.60q) = %s, want %s", tt.contentType, tt.body, got, tt.want)
		}
	}
}

func TestWireTime(t *testing.T) {
	t.Parallel()
	type holder struct {
		At wireTime `json:"at"`
	}
	for text, want := range map[string]time.Time{
		`{}`:                                   {},
		`{"at":null}`:                          {},
		`{"at":""}`:                            {},
		`{"at":"0001-01-01T00:00:00Z"}`:        {},
		`{"at":"2027-01-31T10:00:00Z"}`:        time.Date(2027, 1, 31, 10, 0, 0, 0, time.UTC),
		`{"at":"2027-01-31T10:00:00+02:00"}`:   time.Date(2027, 1, 31, 8, 0, 0, 0, time.UTC),
		`{"at":"2021-07-20T12:00:00.123456Z"}`: time.Date(2021, 7, 20, 12, 0, 0, 123456000, time.UTC),
	} {
		var got holder
		if err := json.Unmarshal([]byte(text), &got); err != nil || got.At.Time != want {
			t.Errorf("%s: got %v, %v; want %v", text, got.At.Time, err, want)
		}
	}
	for _, bad := range []string{`{"at":"soon"}`, `{"at":7}`, `{"at":"2027-01-31"}`, `{"at":{}}`} {
		if err := json.Unmarshal([]byte(bad), &holder{}); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}
