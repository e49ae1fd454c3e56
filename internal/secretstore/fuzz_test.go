package secretstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/docker-pat/docker-pat/internal/secret"
)

// FuzzIndex reads an index that somebody else wrote: what can be read is written so that it means the
// same, and what cannot be read names the file.
func FuzzIndex(f *testing.F) {
	for _, seed := range []string{
		`{"version":1,"entries":{"https://index.docker.io/v1/":{"server_url":"https://index.docker.io/v1/","username":"moby","token":{"id":"5f1c","label":"laptop","scopes":["repo:write"],"expires_at":"2027-02-21T12:00:00Z"}}}}`,
		`{"version":1,"entries":{"ghcr.io":{"server_url":"https://ghcr.io","username":"octocat"},"x":{"server_url":"x","username":"u","token":{"id":"","label":"é<&>"}}}}`,
		`{"version":1,"entries":null}`, `{}`, `null`, `[]`, ``, `{"entries":{"a":null}}`, `{"version":1,"entries":{"a":{"username":"\ud800"`,
		`{"entries":{"a":{"token":{"expires_at":"9999-12-31T23:59:59-23:59"}}}}`,
	} {
		f.Add([]byte(seed))
	}
	x := index{dir: f.TempDir()} // one process of the fuzzer runs one input at a time
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(x.path(), data, 0o600); err != nil {
			t.Fatal(err)
		}
		entries, err := x.read(t.Context())
		if err != nil {
			if !strings.Contains(err.Error(), filepath.Base(x.path())) {
				t.Errorf("%v does not name the file", err)
			}
			return
		}
		if err := x.write(t.Context(), entries); err != nil {
			t.Fatalf("%q is read and cannot be written: %v", data, err)
		}
		again, err := x.read(t.Context())
		if err != nil || asJSON(t, again) != asJSON(t, entries) {
			t.Errorf("%q is read as %v, then as %v, %v", data, entries, again, err)
		}
	})
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// FuzzDecode reads an item that somebody else put into the keychain: what can be read is stored so that it
// is the same, and the error says nothing of it.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"v":1,"server_url":"https://index.docker.io/v1/","username":"moby","secret":"made-up","token":{"id":"5f1c","label":"laptop","scopes":["repo:write"],"expires_at":"2027-02-21T12:00:00Z"}}`,
		`{"v":1,"server_url":"ghcr.io","username":"<token>","secret":"p\"w <&> é\n"}`,
		`{"v":2}`, `{"v":1}`, `{}`, `null`, `""`, `plain text of another program`, `{"v":1,"secret":"\ud800"}`, `{"v":1,"secret":"` + "\xff" + `"}`, headMark + "G:2:00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		c, err := decode(value)
		if err != nil {
			if !errors.Is(err, ErrDamaged) || err.Error() != ErrDamaged.Error() {
				t.Errorf("%q: %v should say that it is damaged and no more", value, err)
			}
			return
		}
		wantSame(t, c)
	})
}

// FuzzEncode stores a credential: it comes back byte for byte, or is refused because no client could
// carry it.
func FuzzEncode(f *testing.F) {
	f.Add("https://index.docker.io/v1/", "moby", "made-up", "laptop", int64(1795392000))
	f.Add("ghcr.io", "<token>", strings.Repeat("x", 4096), "", int64(0))
	f.Add("a\x00b", "é\u2028", "p\"w <&> \n\x7f", "\xff", int64(-1))
	f.Add("", "", "\xc3\x28", "l", int64(1<<40))
	f.Fuzz(func(t *testing.T, serverURL, username, text, label string, expires int64) {
		c := Credential{ServerURL: serverURL, Username: username, Secret: secret.New(text)}
		valid := utf8.ValidString(serverURL + "\n" + username + "\n" + text)
		if label != "" && utf8.ValidString(label) {
			c.Token = &Token{ID: label, Label: label, ExpiresAt: time.Unix(expires%(1<<37), 0).UTC()}
		}
		if _, err := encode(c); err != nil {
			if says := fmt.Sprintf("store %q: %v", serverURL, ErrNotText); valid || err.Error() != says { // nothing of the secret
				t.Errorf("refused: %v, want %q", err, says)
			}
			return
		}
		if !valid {
			t.Errorf("%q %q %q was taken, and cannot come back as it is", serverURL, username, text)
		}
		wantSame(t, c)
	})
}

func wantSame(t *testing.T, c Credential) {
	t.Helper()
	value, err := encode(c)
	if err != nil {
		t.Fatalf("%+v cannot be stored: %v", c, err)
	}
	again, err := decode(value)
	if err != nil || again.ServerURL != c.ServerURL || again.Username != c.Username || again.Secret.Reveal() != c.Secret.Reveal() || asJSON(t, again.Token) != asJSON(t, c.Token) {
		t.Errorf("%+v comes back as %+v, %v", c, again, err)
	}
}

// FuzzHead reads the item that stands for a value in parts: only what we wrote is one, and no count is large.
func FuzzHead(f *testing.F) {
	for _, seed := range []string{
		head{generation: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", count: 3, sum: sum("x")}.String(),
		headMark, headMark + "g:x:y", headMark + "g:999999:y", headMark + "g:1x:y", headMark + "g:+1:y", headMark + "g:01:y", headMark + "a:b:1:y", headMark + ":1:", `{"v":1}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, item string) {
		h, err := parseHead(item)
		if err != nil {
			if err.Error() != ErrDamaged.Error() {
				t.Errorf("%q: %v", item, err)
			}
			return
		}
		if h.String() != item || h.count < 1 || h.count > maxParts {
			t.Errorf("%q is read as %q, with %d parts", item, h, h.count)
		}
	})
}
