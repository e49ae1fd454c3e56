package credhelper_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/journal"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/settings"
)

const registry = "localhost:5555"

var (
	today  = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	errHub = errors.New("Docker Hub has a bad day") //nolint:staticcheck // a name
)

// A service is Docker Hub as the helper sees it.
type service struct {
	calls []string
	err   error
	renew func() (secretstore.Credential, error)
}

func (s *service) Exchange(_ context.Context, key, serverURL, username string, password secret.Secret) error {
	s.calls = append(s.calls, strings.Join([]string{"exchange", key, serverURL, username, password.Reveal()}, " "))
	return s.err
}

func (s *service) Renew(ctx context.Context, key string, _ secretstore.Credential, wait bool) (secretstore.Credential, error) {
	call := "renew " + key
	if wait {
		call += " and wait"
	}
	if _, bounded := ctx.Deadline(); !bounded {
		call += " for ever"
	}
	s.calls = append(s.calls, call)
	return s.renew()
}

func (s *service) Settle(context.Context) error {
	s.calls = append(s.calls, "settle")
	return s.err
}

// A bench is a helper with everything around it.
type bench struct {
	*memory
	service  service
	prefs    settings.Preferences
	stateDir string
	now      time.Time
	loan     string
	warnings []string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return &bench{
		memory: &memory{credentials: map[string]secretstore.Credential{}}, now: today, stateDir: t.TempDir(),
		prefs: settings.Preferences{Passwords: settings.PasswordsExchange, RenewBefore: settings.Span(7 * 24 * time.Hour), LogoutRevokes: settings.RevokesMinted},
	}
}

func (b *bench) helper(t *testing.T) *credhelper.Helper {
	t.Helper()
	h, err := credhelper.New(t.Context(), credhelper.Options{
		Store: b.memory, Registry: registry, Tokens: &b.service, StateDir: b.stateDir, HubURL: "https://hub.test",
		Preferences: func() (settings.Preferences, error) { return b.prefs, nil },
		Now:         func() time.Time { return b.now },
		Warn:        func(err error) { b.warnings = append(b.warnings, err.Error()) },
		Loan:        b.loan,
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (b *bench) serve(t *testing.T, action, in string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := b.helper(t).Serve(action, strings.NewReader(in), &out)
	return out.String(), err
}

// hold puts a token of ours into the store that ends after a while.
func (b *bench) hold(id string, left time.Duration) secretstore.Credential {
	c := secretstore.Credential{
		ServerURL: registry, Username: "moby", Secret: secret.New(pat(id)),
		Token: &secretstore.Token{ID: id, Label: "laptop", CreatedAt: b.now.Add(left - 90*24*time.Hour), ExpiresAt: b.now.Add(left)},
	}
	b.credentials[registry] = c
	return c
}

func TestPasswordIsExchanged(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if _, err := b.serve(t, "store", store("http://"+registry+"/", "moby", "whale")); err != nil {
		t.Fatal(err)
	}
	if want := []string{"exchange " + registry + " http://" + registry + "/ moby whale"}; !reflect.DeepEqual(b.service.calls, want) {
		t.Errorf("asked for %q, want %q", b.service.calls, want)
	}
	b.service.err = errHub
	if _, err := b.serve(t, "store", store(registry, "moby", "whale")); !errors.Is(err, errHub) {
		t.Errorf("got %v, want %v", err, errHub)
	}
	b.service.calls = nil
	// Docker Hub's password is not for a service that takes its place here.
	if _, err := b.serve(t, "store", store("docker.io", "moby", "whale")); !errors.Is(err, credhelper.ErrPassword) || b.service.calls != nil {
		t.Errorf("got %v, and asked for %q", err, b.service.calls)
	}
	if len(b.credentials) != 0 {
		t.Errorf("the store has %v", b.credentials)
	}
}

const week = 7 * 24 * time.Hour

func TestRenewal(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		left    time.Duration // until the token ends
		never   bool          // renewal is switched off
		err     error         // of the renewal
		call    string        // "" for none
		want    string        // what get answers, "" for an error
		warning string        // "" for none
	}{
		"fresh":                        {week + time.Second, false, nil, "", "old", ""},
		"near its end":                 {week, false, nil, "renew " + registry, "new", ""},
		"ended":                        {0, false, nil, "renew " + registry + " and wait", "new", ""},
		"another is at it":             {time.Hour, false, journal.ErrBusy, "renew " + registry, "old", ""},
		"ended and another is at it":   {0, false, journal.ErrBusy, "renew " + registry + " and wait", "", ""},
		"cannot be renewed":            {time.Hour, false, errHub, "renew " + registry, "old", `the token "laptop" ends on 2026-11-23 and was not renewed: Docker Hub has a bad day`},
		"ended and cannot be renewed":  {-time.Hour, false, errHub, "renew " + registry + " and wait", "", ""},
		"switched off":                 {time.Hour, true, nil, "", "old", ""},
		"switched off, and it ended":   {-time.Hour, true, nil, "", "", ""},
		"never tells anything in time": {time.Hour, false, context.DeadlineExceeded, "renew " + registry, "old", `the token "laptop" ends on 2026-11-23 and was not renewed: context deadline exceeded`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			if tt.never {
				b.prefs.RenewBefore = 0
			}
			b.hold("old", tt.left)
			b.service.renew = func() (secretstore.Credential, error) {
				if tt.err != nil {
					return b.credentials[registry], tt.err
				}
				return b.hold("new", 2*week), nil
			}
			out, err := b.serve(t, "get", registry)
			if tt.want != "" && (err != nil || !strings.Contains(out, `"`+pat(tt.want)+`"`)) || tt.want == "" && !errors.Is(err, credhelper.ErrExpired) {
				t.Errorf("get = %q, %v; want %q", out, err, tt.want)
			}
			if tt.want == "" && tt.err != nil && !errors.Is(tt.err, journal.ErrBusy) && !errors.Is(err, tt.err) {
				t.Errorf("got %v, want %v in it", err, tt.err)
			}
			if got := strings.Join(b.service.calls, ", "); got != tt.call {
				t.Errorf("asked for %q, want %q", got, tt.call)
			}
			if got := strings.Join(b.warnings, ", "); got != tt.warning {
				t.Errorf("warned %q, want %q", got, tt.warning)
			}
		})
	}
}

// TestBackOff tries a renewal that failed again after longer and longer pauses, and at once after a
// sign-in.
func TestBackOff(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.hold("old", week)
	b.service.renew = func() (secretstore.Credential, error) { return b.credentials[registry], errHub }
	var pauses []time.Duration
	last := b.now
	for end := b.now.Add(26 * time.Hour); b.now.Before(end); b.now = b.now.Add(5 * time.Minute) {
		before := len(b.service.calls)
		if _, err := b.serve(t, "get", registry); err != nil {
			t.Fatal(err)
		}
		if len(b.service.calls) > before {
			pauses = append(pauses, b.now.Sub(last))
			last = b.now
		}
	}
	want := []time.Duration{0, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute, 80 * time.Minute, 160 * time.Minute, 320 * time.Minute, 6 * time.Hour, 6 * time.Hour}
	if !reflect.DeepEqual(pauses, want) || len(b.warnings) != len(want) {
		t.Errorf("tried after %v with %d warnings, want %v and one each", pauses, len(b.warnings), want)
	}
	if err := credhelper.ForgetFailures(b.stateDir); err != nil {
		t.Fatal(err)
	}
	calls := len(b.service.calls)
	if _, err := b.serve(t, "get", registry); err != nil || len(b.service.calls) != calls+1 {
		t.Errorf("after a sign-in: %v, and %d calls", err, len(b.service.calls)-calls)
	}
}

// TestRetire has a token of ours leave the store in each way there is.
func TestRetire(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		action, in string
		never      bool
		retired    bool
	}{
		"erase":                      {"erase", registry, false, true},
		"another token is stored":    {"store", store(registry, "moby", pat("other")), false, true},
		"the same is stored again":   {"store", store(registry, "moby", pat("old")), false, false},
		"erase, and it may live":     {"erase", registry, true, false},
		"erase of another registry":  {"erase", "ghcr.io", false, false},
		"the same at another server": {"store", store("ghcr.io", "moby", pat("old")), false, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			if tt.never {
				b.prefs.LogoutRevokes = settings.RevokesNever
			}
			b.hold("old", week)
			b.service.err = errHub
			if _, err := b.serve(t, tt.action, tt.in); err != nil {
				t.Fatal(err)
			}
			entries := journal.In(b.stateDir).Entries()
			if !tt.retired {
				if len(entries) != 0 || b.service.calls != nil || b.warnings != nil {
					t.Errorf("the journal has %+v, asked for %q, warned %q", entries, b.service.calls, b.warnings)
				}
				return
			}
			if len(entries) != 1 {
				t.Fatalf("the journal has %+v", entries)
			}
			want := journal.Entry{ID: entries[0].ID, HubURL: "https://hub.test", Username: "moby", Label: "laptop", Tokens: []string{"old"}, Key: registry, StartedAt: today}
			if !reflect.DeepEqual(entries[0], want) {
				t.Errorf("the journal has %+v, want %+v", entries[0], want)
			}
			if !reflect.DeepEqual(b.service.calls, []string{"settle"}) || len(b.warnings) != 1 || !strings.Contains(b.warnings[0], errHub.Error()) {
				t.Errorf("asked for %q, warned %q", b.service.calls, b.warnings)
			}
		})
	}
}

// TestStoredInBetween has another process store a token while this one erases or replaces what it has read: what
// leaves the store is in the journal, whichever it is.
func TestStoredInBetween(t *testing.T) {
	t.Parallel()
	for action, in := range map[string]string{"erase": registry, "store": store(registry, "moby", pat("other"))} {
		b := newBench(t)
		b.hold("old", 2*week)
		times := 0
		b.memory.read = func() {
			if times++; times <= 2 {
				b.hold("renewed", 2*week)
			}
		}
		if _, err := b.serve(t, action, in); err != nil {
			t.Fatal(err)
		}
		entries := journal.In(b.stateDir).Entries()
		if len(entries) != 1 || !reflect.DeepEqual(entries[0].Tokens, []string{"renewed"}) {
			t.Errorf("%s: the journal has %+v", action, entries)
		}
		b.hold("again", 2*week)
		b.memory.read = func() { b.hold(strings.Repeat("x", times), 2*week); times++ }
		if _, err := b.serve(t, action, in); !errors.Is(err, secretstore.ErrChanged) {
			t.Errorf("%s: got %v, want %v", action, err, secretstore.ErrChanged)
		}
	}
}

// TestRetireNeedsTheJournal: where that cannot be written the token stays, or nobody would know of it.
func TestRetireNeedsTheJournal(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.hold("old", week)
	b.stateDir = "/dev/null/state"
	if _, err := b.serve(t, "erase", registry); err == nil || len(b.credentials) != 1 {
		t.Errorf("erase: %v; the store has %v", err, b.credentials)
	}
}

// TestLoan has a command with a token of its own.
func TestLoan(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	machine := b.hold("old", 2*week)
	b.loan = "one"
	if _, err := b.serve(t, "get", registry); !errors.Is(err, credhelper.ErrLoanEnded) {
		t.Errorf("without its token: %v, want %v", err, credhelper.ErrLoanEnded)
	}
	lent := secretstore.Credential{ServerURL: registry, Username: "lent", Secret: secret.New(pat("lent")), Token: &secretstore.Token{ID: "lent", ExpiresAt: b.now.Add(time.Hour)}}
	b.credentials[credhelper.LoanKey(registry, "one")] = lent
	b.credentials["ghcr.io"] = secretstore.Credential{ServerURL: "ghcr.io", Username: "octocat"}
	if out, err := b.serve(t, "get", "http://"+registry); err != nil || !strings.Contains(out, pat("lent")) {
		t.Errorf("get = %q, %v", out, err)
	}
	b.now = b.now.Add(time.Hour)
	if out, err := b.serve(t, "get", registry); !errors.Is(err, credhelper.ErrLoanEnded) {
		t.Errorf("after its end, get = %q, %v", out, err)
	}
	b.now = today
	if out, err := b.serve(t, "list", ""); err != nil || strings.TrimSpace(out) != `{"ghcr.io":"octocat","localhost:5555":"lent"}` {
		t.Errorf("list = %q, %v", out, err)
	}
	if _, err := b.serve(t, "store", store(registry, "lent", pat("lent"))); err != nil {
		t.Errorf("store of the same: %v", err)
	}
	for _, other := range []string{"whale", pat("other")} {
		if _, err := b.serve(t, "store", store(registry, "moby", other)); !errors.Is(err, credhelper.ErrLent) {
			t.Errorf("store of another: %v, want %v", err, credhelper.ErrLent)
		}
	}
	if _, err := b.serve(t, "erase", registry); err != nil || len(b.credentials) != 2 {
		t.Errorf("erase: %v; the store has %v", err, b.credentials)
	}
	b.loan = ""
	if out, err := b.serve(t, "get", registry); err != nil || !strings.Contains(out, machine.Secret.Reveal()) {
		t.Errorf("outside of the command, get = %q, %v", out, err)
	}
	b.credentials[credhelper.LoanKey(registry, "two")] = lent
	if out, err := b.serve(t, "list", ""); err != nil || strings.TrimSpace(out) != `{"ghcr.io":"octocat","localhost:5555":"moby"}` {
		t.Errorf("outside of the command, list = %q, %v", out, err)
	}
	if b.service.calls != nil || b.warnings != nil {
		t.Errorf("asked for %q, warned %q", b.service.calls, b.warnings)
	}
}
