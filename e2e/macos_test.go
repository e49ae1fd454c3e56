package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/docker-pat/docker-pat/internal/testbed"
)

var macHelper = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(builtDir, "macos")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	return testbed.BuildForMacOS(context.Background(), dir)
})

// newMac is a machine whose helper keeps credentials as on macOS.
func newMac(t *testing.T) *machine {
	t.Helper()
	helper, err := macHelper()
	if err != nil {
		t.Fatal(err)
	}
	m := newMachine(t)
	link := filepath.Join(m.bin, "docker-credential-pat")
	m.do(os.Remove(link))
	m.do(os.Symlink(helper, link))
	m.env = append(m.env, "DBUS_SESSION_BUS_ADDRESS=", "STANDIN_KEYCHAIN="+m.macKeychain(), "DOCKER_PAT_KEYCHAIN_TIMEOUT=30s")
	return m
}

func TestMacOS(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	m.listsAll(map[string]string{})
	m.holdsNothing("a.example")
	m.erases("a.example")
	m.stores(credential{"a.example", user, "first"})
	for _, c := range []credential{
		{"https://a.example", "other", "\x00\x01é\r\n\"<&>'\\"}, // over the first
		{"https://large.example/v2/", user, strings.Repeat("0123456789\x00é\r\n<", 700)[:10_000]},
		{"largest.example", user, strings.Repeat("0123456789abcdef", 4080)}, // what fits into a call
		{"quoted.example/it's", user, "quoted"},                             // security is no shell
		{`quoted.example/"back\slash"`, user, "back"},
		{"quoted.example/100%25", user, "percent"},
		{"quoted.example/100%", user, "per cent"},
		{"long.example/" + strings.Repeat("a", 500), user, strings.Repeat("0123456789", 500)},
	} {
		m.stores(c)
	}
	if items := m.macItems(); len(items) < 8+5+32+3 {
		t.Errorf("the keychain has %d items: what is large should be in parts of 2,048 bytes", len(items))
	}
	m.stores(credential{"https://large.example/v2/", user, "small"})
	m.listsAll(map[string]string{
		"https://a.example": "other", "https://large.example/v2/": user, "largest.example": user, "quoted.example/it's": user, `quoted.example/"back\slash"`: user,
		"quoted.example/100%25": user, "quoted.example/100%": user, "long.example/" + strings.Repeat("a", 500): user,
	})
	for serverURL := range m.listed() {
		m.erases(serverURL)
		m.holdsNothing(serverURL)
	}
	m.listsAll(map[string]string{})
	if items := m.macItems(); len(items) > 0 {
		t.Errorf("after all was erased the keychain has %q", slices.Sorted(maps.Keys(items)))
	}
	calls, err := os.ReadFile(m.macKeychain() + ".calls")
	m.do(err)
	if strings.Contains(string(calls), "go-keyring-base64") || strings.Contains(string(calls), " -w ") || !strings.Contains(string(calls), `"-i"`) {
		t.Errorf("security was called with a secret among its arguments, or not as go-keyring does:\n%.1000s", calls)
	}
}

// TestDockerOnMacOS signs in and out.
func TestDockerOnMacOS(t *testing.T) {
	t.Parallel()
	m, other := newMac(t), newMachine(t)
	other.signIn()
	secret := other.printedToken("laptop")
	m.registry = other.registry
	m.do(os.MkdirAll(m.dockerConfig, 0o700))
	m.do(os.WriteFile(m.configPath(), []byte(`{"credsStore":"pat"}`), 0o600))
	m.login(m.registry, secret).exits(0).says("Login Succeeded")
	m.holds(m.registry, user, secret)
	m.noneOnDisk(secret)
	m.run("docker", "logout", m.registry).exits(0)
	m.holdsNothing(m.registry)
}

// TestMacOSKeychainThatFails: whatever goes wrong is an error that is not "not found", for Docker goes on
// without a credential then.
func TestMacOSKeychainThatFails(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	large := credential{"large.example", user, strings.Repeat("large", 2000)}
	small := credential{"small.example", user, "small"}
	m.stores(large)
	m.stores(small)
	prompt := filepath.Join(m.home, "prompt")
	m.do(os.WriteFile(prompt, nil, 0o600)) // what waits for it ends with the test
	for _, tt := range []struct {
		name, want string
		env        []string
	}{
		{"locked", "the keychain is locked", []string{"STANDIN_LOCKED=1"}},
		{"broken", "no keychain is available", []string{"STANDIN_BROKEN=1"}},
		{"silent", "did not answer in time", []string{"STANDIN_PROMPT=" + prompt, "DOCKER_PAT_KEYCHAIN_TIMEOUT=100ms"}},
		{"not there", "no keychain is available", []string{"STANDIN_KEYCHAIN=" + filepath.Join(m.home, "none", "keychain")}},
	} {
		for action, input := range map[string]string{"get": small.ServerURL, "store": message(small), "erase": small.ServerURL} {
			m.runWith(tt.env, input, "docker-credential-pat", action).exits(1).says(tt.want).hides(strings.TrimSpace(notFound))
		}
		m.runWith(tt.env, large.ServerURL, "docker-credential-pat", "get").exits(1).says(tt.want)
		m.runWith(tt.env, message(large), "docker-credential-pat", "store").exits(1).says(tt.want)
		var got map[string]string
		m.runWith(tt.env, "", "docker-credential-pat", "list").exits(0).decode(&got)
		if len(got) != 2 {
			t.Errorf("%s: list gave %v", tt.name, got)
		}
	}
	m.holds(large.ServerURL, user, large.Secret)
	m.holds(small.ServerURL, user, small.Secret)

	m.loseItem(func(account string) bool { return strings.HasSuffix(account, ".1") })
	m.feed(large.ServerURL, "docker-credential-pat", "get").exits(1).says("cannot be read", "a part of it is missing").hides("large"+"large", strings.TrimSpace(notFound))
	m.stores(large) // over what is damaged
	m.erases(large.ServerURL)
	m.loseItem(func(account string) bool { return account == small.ServerURL }) // deleted by its owner
	m.holdsNothing(small.ServerURL)
	m.listsAll(map[string]string{})
	if items := m.macItems(); len(items) > 0 {
		t.Errorf("the keychain has %q", slices.Sorted(maps.Keys(items)))
	}
}

// TestFiftyProgramsOnMacOS: a reader takes no lock, so the parts of a value may go while it reads them.
func TestFiftyProgramsOnMacOS(t *testing.T) {
	t.Parallel()
	const writers, readers = 40, 10
	m := newMac(t)
	large := func(i int) credential {
		return credential{"shared.example", fmt.Sprintf("moby%d", i), strings.Repeat(fmt.Sprintf("%d:", i), 2000+10*i)}
	}
	own := func(i int) credential { return credential{fmt.Sprintf("r%d.example", i), user, fmt.Sprint(i)} }
	m.stores(large(0))
	var writing, reading sync.WaitGroup
	for i := range writers {
		c := large(i)
		if i%2 == 1 {
			c = own(i)
		}
		writing.Go(func() {
			if r := m.feed(message(c), "docker-credential-pat", "store"); r.code != 0 {
				t.Errorf("%.1000s", r)
			}
		})
	}
	written := make(chan struct{})
	for range readers {
		reading.Go(func() {
			for !isClosed(written) && !t.Failed() {
				var got credential
				r := m.feed("shared.example", "docker-credential-pat", "get")
				var i int
				if r.code != 0 || json.Unmarshal([]byte(r.stdout), &got) != nil {
					t.Errorf("%.1000s", r)
				} else if _, err := fmt.Sscanf(got.Username, "moby%d", &i); err != nil || got != large(i) {
					t.Errorf("get gave parts of several stores: %.60q", got)
				}
			}
		})
	}
	writing.Wait()
	close(written)
	reading.Wait()

	m.stores(large(7))
	want := map[string]string{"shared.example": "moby7"}
	for i := 1; i < writers; i += 2 {
		want[own(i).ServerURL] = user
	}
	m.listsAll(want)
	if items, parts := m.macItems(), (len(large(7).Secret)+2047)/2048; len(items) < len(want)+parts || len(items) > len(want)+parts+1 {
		t.Errorf("the keychain has %d items for %d credentials, one of them in %d parts", len(items), len(want), parts)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (m *machine) stores(c credential) {
	m.t.Helper()
	m.feed(message(c), "docker-credential-pat", "store").exits(0).prints("")
	m.holds(c.ServerURL, c.Username, c.Secret)
}

func (m *machine) erases(serverURL string) {
	m.t.Helper()
	m.feed(serverURL, "docker-credential-pat", "erase").exits(0).prints("")
}

func (m *machine) listed() (all map[string]string) {
	m.t.Helper()
	m.run("docker-credential-pat", "list").exits(0).decode(&all)
	return all
}

func (m *machine) listsAll(want map[string]string) {
	m.t.Helper()
	if got := m.listed(); !maps.Equal(got, want) {
		m.t.Errorf("list gave %v, want %v", got, want)
	}
}

func (m *machine) macKeychain() string { return filepath.Join(m.keyring.Dir(), "standin-keychain") }

// macItems are the accounts in the keychain that are filed under our service.
func (m *machine) macItems() map[string]string {
	m.t.Helper()
	data, err := os.ReadFile(m.macKeychain())
	m.do(err)
	var keychain map[string]map[string]string
	m.do(json.Unmarshal(data, &keychain))
	return keychain["docker-pat"]
}

// loseItem takes items away as another program may.
func (m *machine) loseItem(lost func(account string) bool) {
	m.t.Helper()
	items := m.macItems()
	maps.DeleteFunc(items, func(account, _ string) bool { return lost(account) })
	data, err := json.Marshal(map[string]any{"docker-pat": items})
	m.do(err)
	m.do(os.WriteFile(m.macKeychain(), data, 0o600))
}
