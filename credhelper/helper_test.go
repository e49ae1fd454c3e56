package credhelper_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker-credential-helpers/credentials"

	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/settings"
)

// memory is a store without a keychain. The tests of package secretstore use a real one.
type memory struct {
	credentials map[string]secretstore.Credential
	err         error
	read        func() // after each read
}

func (m *memory) Get(_ context.Context, key string) (secretstore.Credential, error) {
	if m.err != nil {
		return secretstore.Credential{}, m.err
	}
	c, ok := m.credentials[key]
	if m.read != nil {
		m.read()
	}
	if !ok {
		return secretstore.Credential{}, secretstore.ErrNotFound
	}
	return c, nil
}

func (m *memory) Put(_ context.Context, key string, c secretstore.Credential) error {
	if m.err == nil {
		m.credentials[key] = c
	}
	return m.err
}

func (m *memory) Delete(_ context.Context, key string) error {
	if m.err == nil {
		delete(m.credentials, key)
	}
	return m.err
}

func (m *memory) PutPlain(ctx context.Context, key string, c secretstore.Credential) error {
	if m.credentials[key].Token != nil {
		return secretstore.ErrChanged
	}
	return m.Put(ctx, key, c)
}

func (m *memory) Swap(ctx context.Context, key string, from, to *secretstore.Credential) error {
	held, there := m.credentials[key]
	switch {
	case m.err != nil:
		return m.err
	case there != (from != nil) || there && (held.Username != from.Username || held.Secret.Reveal() != from.Secret.Reveal()):
		return secretstore.ErrChanged
	case to == nil:
		return m.Delete(ctx, key)
	}
	return m.Put(ctx, key, *to)
}

func (m *memory) List(context.Context) (map[string]secretstore.Entry, error) {
	entries := map[string]secretstore.Entry{}
	for key, c := range m.credentials {
		entries[key] = secretstore.Entry{ServerURL: c.ServerURL, Username: c.Username, Token: c.Token}
	}
	return entries, m.err
}

func pat(text string) string { return "dckr_" + "pat_" + text }

func serve(t *testing.T, store credhelper.Store, keep bool, action, in string) (string, error) {
	t.Helper()
	passwords := settings.PasswordsRefuse
	if keep {
		passwords = settings.PasswordsStore
	}
	h, err := credhelper.New(t.Context(), credhelper.Options{
		Store: store, Registry: "localhost:5555", StateDir: t.TempDir(), Now: time.Now,
		Preferences: func() (settings.Preferences, error) { return settings.Preferences{Passwords: passwords}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err = h.Serve(action, strings.NewReader(in), &out)
	if err != nil && out.Len() > 0 {
		t.Errorf("%s failed and printed %q", action, out.String())
	}
	return out.String(), err
}

func store(serverURL, username, text string) string {
	in, err := json.Marshal(credentials.Credentials{ServerURL: serverURL, Username: username, Secret: text})
	if err != nil {
		panic(err)
	}
	return string(in)
}

func TestStoreThenGet(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                             string
		serverURL, username, text        string
		ask                              string
		wantUsername, wantText, wantList string
	}{
		{"hub by another name", "https://index.docker.io/v1/", "moby", pat("a"), "docker.io", "moby", pat("a"), "https://index.docker.io/v1/"},
		{"hub stored by podman", "docker.io", "moby", pat("a"), "https://index.docker.io/v1/", "moby", pat("a"), "https://index.docker.io/v1/"},
		{"hub asked by crane", "docker.io", "moby", pat("a"), "index.docker.io/moby/app", "moby", pat("a"), "https://index.docker.io/v1/"},
		{"identity token", "https://index.docker.io/v1/", "<token>", "opaque", "docker.io", "<token>", "opaque", "https://index.docker.io/v1/"},
		{"organization token", "localhost:5555", "acme", "dckr_" + "oat_b", "localhost:5555", "acme", "dckr_" + "oat_b", "localhost:5555"},
		{"other registry keeps a password", "https://ghcr.io", "u", "hunter2 <&>\u2028é", "ghcr.io", "u", "hunter2 <&>\u2028é", "https://ghcr.io"},
		{"docker's session", "https://index.docker.io/v1/access-token", "moby", "e.y.j", "https://index.docker.io/v1/access-token", "moby", "e.y.j", "https://index.docker.io/v1/access-token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := &memory{credentials: map[string]secretstore.Credential{}}
			if out, err := serve(t, m, false, "store", store(tt.serverURL, tt.username, tt.text)); err != nil || out != "" {
				t.Fatalf("store = %q, %v", out, err)
			}
			out, err := serve(t, m, false, "get", tt.ask+"\n")
			if err != nil {
				t.Fatal(err)
			}
			var got credentials.Credentials
			if err := json.Unmarshal([]byte(out), &got); err != nil {
				t.Fatal(err)
			}
			if want := (credentials.Credentials{ServerURL: tt.ask, Username: tt.wantUsername, Secret: tt.wantText}); got != want {
				t.Errorf("get = %+v, want %+v", got, want)
			}
			wantList(t, m, map[string]string{tt.wantList: tt.wantUsername})
			for range 2 {
				if out, err := serve(t, m, false, "erase", tt.ask); err != nil || out != "" {
					t.Fatalf("erase = %q, %v", out, err)
				}
			}
			if tt.ask != "index.docker.io/moby/app" { // erasing a repository's entry leaves Docker Hub's
				wantList(t, m, map[string]string{})
			}
		})
	}
}

func wantList(t *testing.T, s credhelper.Store, want map[string]string) {
	t.Helper()
	out, err := serve(t, s, false, "list", "unused")
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal([]byte(out), &got); err != nil || !maps.Equal(got, want) {
		t.Errorf("list = %q, %v; want %v", out, err, want)
	}
}

func TestRepositoryHasItsOwnEntryFirst(t *testing.T) {
	t.Parallel()
	m := &memory{credentials: map[string]secretstore.Credential{}}
	for url, user := range map[string]string{"docker.io": "moby", "docker.io/acme/app": "acme"} {
		if _, err := serve(t, m, false, "store", store(url, user, pat("x"))); err != nil {
			t.Fatal(err)
		}
	}
	for ask, want := range map[string]string{"index.docker.io/acme/app": "acme", "index.docker.io/acme/other": "moby", "docker.io": "moby"} {
		if out, err := serve(t, m, false, "get", ask); err != nil || !strings.Contains(out, `"Username":"`+want+`"`) {
			t.Errorf("get %s = %q, %v; want user %s", ask, out, err, want)
		}
	}
}

func TestSessionIsNotAnsweredWithTheToken(t *testing.T) {
	t.Parallel()
	m := &memory{credentials: map[string]secretstore.Credential{}}
	if _, err := serve(t, m, false, "store", store("docker.io", "moby", pat("x"))); err != nil {
		t.Fatal(err)
	}
	for _, ask := range []string{"https://index.docker.io/v1/access-token", "https://index.docker.io/v1//refresh-token", "https://index.docker.io/v1/new"} {
		if out, err := serve(t, m, false, "get", ask); !credentials.IsErrCredentialsNotFound(err) {
			t.Errorf("get %s = %q, %v; want not found", ask, out, err)
		}
	}
}

func TestLoginWithOurTokenKeepsWhatIsKnownOfIt(t *testing.T) {
	t.Parallel()
	token := &secretstore.Token{ID: "id", Label: "laptop"}
	for _, tt := range []struct {
		username, text string
		want           *secretstore.Token
	}{{"moby", pat("held"), token}, {"moby", pat("other"), nil}, {"ada", pat("held"), nil}} {
		held := secretstore.Credential{ServerURL: "localhost:5555", Username: "moby", Secret: secret.New(pat("held")), Token: token}
		m := &memory{credentials: map[string]secretstore.Credential{"localhost:5555": held}}
		if _, err := serve(t, m, false, "store", store("localhost:5555", tt.username, tt.text)); err != nil {
			t.Fatal(err)
		}
		if got := m.credentials["localhost:5555"]; got.Token != tt.want || got.Username != tt.username || got.Secret.Reveal() != tt.text {
			t.Errorf("after a login as %s, the store holds %+v, want the token %v", tt.username, got, tt.want)
		}
	}
}

func TestPasswordForDockerHub(t *testing.T) {
	t.Parallel()
	for _, serverURL := range []string{"localhost:5555", "http://localhost:5555/", "https://index.docker.io/v1/", "docker.io"} {
		held := secretstore.Credential{ServerURL: serverURL, Username: "moby", Secret: secret.New(pat("held"))}
		m := &memory{credentials: map[string]secretstore.Credential{credhelper.HubKey: held, "localhost:5555": held}}
		_, err := serve(t, m, false, "store", store(serverURL, "moby", "whale"))
		if !errors.Is(err, credhelper.ErrPassword) || strings.Contains(err.Error(), "whale") {
			t.Errorf("store of a password for %s = %v, want ErrPassword", serverURL, err)
		}
		if out, err := serve(t, m, false, "get", serverURL); err != nil || !strings.Contains(out, pat("held")) {
			t.Errorf("get %s = %q, %v; want what was stored before", serverURL, out, err)
		}
		if _, err := serve(t, m, true, "store", store(serverURL, "moby", "whale")); err != nil {
			t.Errorf("store of a password that the settings allow = %v", err)
		}
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	tests := []struct{ action, in, want string }{
		{"get", "", "no credentials server URL"},
		{"get", " \n", "no credentials server URL"},
		{"get", "nowhere.example", "credentials not found in native keychain"},
		{"get", "a b", "blanks or control characters"},
		{"get", strings.Repeat("x", 70<<10), "64 KiB"},
		{"store", "", "not a credential as Docker sends it"},
		{"store", canary, "not a credential as Docker sends it"},
		{"store", `{"ServerURL":"a","Username":"u","Secret":"` + canary, "not a credential as Docker sends it"},
		{"store", `{"ServerURL":["` + canary + `"]}`, "not a credential as Docker sends it"},
		{"store", store("", "u", canary), "no credentials server URL"},
		{"store", store("a", "", canary), "no credentials username"},
		{"store", store("a", "u", strings.Repeat("x", 70<<10)), "64 KiB"},
		{"erase", "", "no credentials server URL"},
		{"erase", "a\x00b", "blanks or control characters"},
		{"frobnicate", "", "unknown action"},
		{"", "", "unknown action"},
	}
	for _, tt := range tests {
		m := &memory{credentials: map[string]secretstore.Credential{}}
		_, err := serve(t, m, true, tt.action, tt.in)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s of %.40q = %v, want %q in it", tt.action, tt.in, err, tt.want)
		}
		if len(m.credentials) != 0 {
			t.Errorf("%s of %.40q stored something", tt.action, tt.in)
		}
	}
}

func TestStoreFailureIsNotNotFound(t *testing.T) {
	t.Parallel()
	m := &memory{credentials: map[string]secretstore.Credential{}, err: secretstore.ErrLocked}
	for action, in := range map[string]string{"get": "a", "store": store("a", "u", "s"), "erase": "a", "list": ""} {
		_, err := serve(t, m, false, action, in)
		if !errors.Is(err, secretstore.ErrLocked) || credentials.IsErrCredentialsNotFound(err) {
			t.Errorf("%s = %v, want ErrLocked", action, err)
		}
	}
}

// canary is a secret that no error may quote.
const canary = "hunter2"

func FuzzServe(f *testing.F) {
	f.Add("get", "https://index.docker.io/v1/\n")
	f.Add("store", store("docker.io", "moby", pat("x")))
	f.Add("store", `{"ServerURL":"a","Username":"b","Secret":"c"} trailing`)
	f.Add("erase", "http://localhost:5000")
	f.Add("list", "unused")
	f.Add("store", "\x00\xff{")
	f.Add("store", store("https://index.docker.io/v1/access-token", "moby", canary+".."+"client"))
	f.Add("store", store("ghcr.io", "<token>", canary))
	f.Add("store", `{"ServerURL":"a","Username":"u","Secret":"`+canary)
	f.Add("store", `{"ServerURL":"a b","Username":"u","Secret":"`+canary+`"}`)
	f.Add("store", `{"Secret":["`+canary+`"]}`)
	f.Add("get", "index.docker.io/library/alpine")
	f.Add("erase", "https://docker.io")
	dir := f.TempDir() // one for all: making one takes longer than the rest
	f.Fuzz(func(t *testing.T, action, in string) {
		m := &memory{credentials: map[string]secretstore.Credential{}}
		h, err := credhelper.New(t.Context(), credhelper.Options{
			Store: m, Registry: "docker.io", StateDir: dir, Now: time.Now,
			Preferences: func() (settings.Preferences, error) {
				return settings.Preferences{Passwords: settings.PasswordsStore}, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		err = h.Serve(action, strings.NewReader(in), io.Discard)
		if err != nil && strings.Contains(in, canary) && strings.Contains(err.Error(), canary) && !strings.Contains(action, canary) {
			t.Errorf("%s of %q says %v", action, in, err)
		}
		if err != nil || action != credentials.ActionStore {
			return
		}
		names, err := h.List()
		if err != nil || len(names) != 1 {
			t.Fatalf("after a store, list = %v, %v", names, err)
		}
		for name := range names {
			if _, _, err := h.Get(name); err != nil {
				t.Errorf("list names %q and get says %v", name, err)
			}
		}
	})
}
