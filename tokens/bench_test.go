package tokens_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/journal"
	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/sandbox/sandboxtest"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/tokens"
)

const (
	password   = "whale-" + "of-a-password"
	tokensPath = "/hub/v2/access-tokens"
	label      = "laptop of moby"
	key        = "registry.test"
)

var errKeychain = errors.New("the keychain has a bad day")

// A keychain is one in memory that can be told to fail. The e2e tests have real ones.
type keychain struct {
	mu     sync.Mutex
	values map[string]string
	fail   func(call string) error // nil: never
}

func (k *keychain) do(call string, deed func() error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail != nil {
		if err := k.fail(call); err != nil {
			return err
		}
	}
	return deed()
}

func (k *keychain) Get(_ context.Context, key string) (value string, err error) {
	err = k.do("get", func() error {
		var ok bool
		if value, ok = k.values[key]; !ok {
			return secretstore.ErrNotFound
		}
		return nil
	})
	return value, err
}

func (k *keychain) Set(_ context.Context, key, value string) error {
	return k.do("set", func() error { k.values[key] = value; return nil })
}

func (k *keychain) Delete(_ context.Context, key string) error {
	return k.do("delete", func() error { delete(k.values, key); return nil })
}

// A bench is a sandbox with two accounts, and an issuer for the first.
type bench struct {
	*sandboxtest.Server
	hub      *client.Client
	keychain *keychain
	store    *secretstore.Store
	journal  journal.Journal
	issuer   tokens.Issuer
	ahead    time.Duration // of the issuer's clock
	place    tokens.Place
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir()
	b := &bench{
		Server: sandboxtest.Start(t, sandbox.Options{
			Users:         []sandbox.User{{Name: "moby", Password: password}, {Name: "ann", Password: password}},
			Organizations: []sandbox.Organization{{Name: "acme", Owners: []string{"moby"}}},
		}),
		keychain: &keychain{values: map[string]string{}},
		journal:  journal.In(dir),
		place:    tokens.Place{Key: key, ServerURL: "https://" + key},
	}
	b.store = secretstore.New(secretstore.Options{Keychain: b.keychain, StateDir: dir})
	registry, err := client.NewRegistry(b.URL, "docker-pat-test/1")
	if err != nil {
		t.Fatal(err)
	}
	b.hub = b.signIn(t, "moby")
	b.issuer = tokens.Issuer{
		Hub: func(org string) tokens.Hub {
			if org != "" {
				return b.hub.Organization(org)
			}
			return b.hub
		},
		HubURL: b.URL, Username: "moby", Registry: registry,
		Store: b.store, Journal: b.journal, Now: func() time.Time { return time.Now().Add(b.ahead) },
	}
	return b
}

func (b *bench) signIn(t *testing.T, username string) *client.Client {
	t.Helper()
	hub, err := client.New(client.Options{BaseURL: b.URL + sandbox.HubPath, UserAgent: "docker-pat-test/1"})
	if err != nil {
		t.Fatal(err)
	}
	session, err := hub.SignIn(t.Context(), username, secret.New(password))
	if err != nil {
		t.Fatal(err)
	}
	return hub.WithBearer(session.Bearer)
}

func spec() tokens.Spec {
	return tokens.Spec{NewToken: client.NewToken{Label: label, Scopes: []string{"repo:read"}, ExpiresAt: time.Now().Add(30 * 24 * time.Hour).UTC().Truncate(time.Second)}}
}

func (b *bench) use(ctx context.Context) (tokens.Made, error) {
	return b.issuer.Use(ctx, b.place, spec())
}

// mustUse is what the machine has before the test begins.
func (b *bench) mustUse(t *testing.T) client.Token {
	t.Helper()
	made, err := b.use(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return made.Token
}

// left are the ids that the account has, without faults.
func (b *bench) left(t *testing.T) map[string]bool {
	t.Helper()
	b.Sandbox.ClearFaults()
	all, err := b.hub.ListTokens(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, token := range all {
		ids[token.ID] = true
	}
	return ids
}

func (b *bench) wantLeft(t *testing.T, ids ...string) {
	t.Helper()
	left := b.left(t)
	if len(left) != len(ids) {
		t.Errorf("the account has %v, want %v", left, ids)
	}
	for _, id := range ids {
		if !left[id] {
			t.Errorf("the account has %v, want %s among them", left, id)
		}
	}
}

// wantHeld checks that Docker gets the token, and that it works.
func (b *bench) wantHeld(t *testing.T, id string) {
	t.Helper()
	b.keychain.fail = nil
	c, err := b.store.Get(t.Context(), key)
	if id == "" {
		if !errors.Is(err, secretstore.ErrNotFound) {
			t.Errorf("the store has %+v, %v; want nothing", c.Token, err)
		}
		return
	}
	if err != nil || c.Token == nil || c.Token.ID != id {
		t.Fatalf("the store has %+v, %v; want %s", c.Token, err, id)
	}
	if err := b.issuer.Registry.SignIn(t.Context(), c.Username, c.Secret); err != nil {
		t.Errorf("what the store has does not open the registry: %v", err)
	}
}

// settle recovers as the next command would, once nothing can be under way any more.
func (b *bench) settle(t *testing.T) {
	t.Helper()
	b.Sandbox.ClearFaults()
	b.keychain.fail = nil
	b.ahead += 2 * time.Minute
	if _, err := b.issuer.Recover(t.Context()); err != nil {
		t.Errorf("Recover: %v", err)
	}
	if b.journal.Any() {
		t.Errorf("the journal still has %+v", b.journal.Entries())
	}
}

// requests are those after the first n, without the ids in them.
func (b *bench) requests(n int) []string {
	var all []string
	for _, r := range b.Sandbox.Requests()[n:] {
		path := r.Path
		if strings.HasPrefix(path, tokensPath+"/") {
			path = tokensPath + "/*"
		}
		all = append(all, r.Method+" "+path)
	}
	return all
}
