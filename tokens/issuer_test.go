package tokens_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/tokens"
)

func TestUse(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	before := len(b.Sandbox.Requests())
	first, err := b.use(t.Context())
	if err != nil || first.Token.Label != label || first.Replaced != nil || first.Pending != nil {
		t.Fatalf("Use = %+v, %v", first, err)
	}
	if asked, want := b.requests(before), []string{"POST " + tokensPath, "GET /v2/", "GET /token"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
	b.wantHeld(t, first.Token.ID)
	second, err := b.use(t.Context())
	if err != nil || second.Replaced == nil || second.Replaced.ID != first.Token.ID || second.Pending != nil {
		t.Errorf("the second Use = %+v, %v", second, err)
	}
	if second.Token.CreatorUA == first.Token.CreatorUA || !strings.HasPrefix(second.Token.CreatorUA, "docker-pat-test/1 operation/") {
		t.Errorf("the second is made by %q, the first by %q", second.Token.CreatorUA, first.Token.CreatorUA)
	}
	b.wantHeld(t, second.Token.ID)
	b.wantLeft(t, second.Token.ID)
	b.settle(t)
}

// TestAnotherAccount cannot delete the token of the account before, so that waits for its session.
func TestAnotherAccount(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old := b.mustUse(t)
	moby := b.issuer
	ann := b.signIn(t, "ann")
	b.issuer.Username, b.issuer.Hub = "ann", func(string) tokens.Hub { return ann }
	made, err := b.use(t.Context())
	if err != nil || !errors.Is(made.Pending, tokens.ErrAnotherAccount) {
		t.Fatalf("Use = %+v, %v", made, err)
	}
	if _, err := b.issuer.Recover(t.Context()); err != nil || !b.journal.Any() {
		t.Errorf("ann's Recover: %v; the journal has %+v", err, b.journal.Entries())
	}
	b.wantLeft(t, old.ID)
	b.issuer.Username, b.issuer.Hub = "MOBY", moby.Hub
	b.settle(t)
	b.wantLeft(t)
	b.wantHeld(t, made.Token.ID)
}

func TestPrint(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var given client.Secret
	token, err := b.issuer.Print(t.Context(), spec(), func(text client.Secret) error { given = text; return nil })
	if err != nil || b.issuer.Registry.SignIn(t.Context(), "moby", given) != nil {
		t.Fatalf("Print = %+v, %v", token, err)
	}
	b.wantHeld(t, "")
	b.settle(t)
	b.wantLeft(t, token.ID)

	if _, err := b.issuer.Print(t.Context(), spec(), func(client.Secret) error { return errKeychain }); !errors.Is(err, errKeychain) {
		t.Errorf("got %v, want %v", err, errKeychain)
	}
	b.wantLeft(t, token.ID)
	b.settle(t)
}

// TestRegistryOutOfReach keeps a token that could not be checked, if there is somebody to tell.
func TestRegistryOutOfReach(t *testing.T) {
	t.Parallel()
	for _, tell := range []bool{true, false} {
		b := newBench(t)
		b.Sandbox.Inject(sandbox.Fault{Path: "/v2/", Cut: sandbox.CutBefore})
		var told error
		if tell {
			b.issuer.OnUnchecked = func(err error) { told = err }
		}
		made, err := b.use(t.Context())
		b.Sandbox.ClearFaults()
		if tell {
			if err != nil || !errors.Is(told, client.ErrUnreachable) {
				t.Errorf("got %v, told %v", err, told)
			}
			b.wantHeld(t, made.Token.ID)
		} else {
			if !errors.Is(err, client.ErrUnreachable) {
				t.Errorf("with nobody to tell: got %v", err)
			}
			b.wantHeld(t, "")
			b.wantLeft(t)
		}
		b.settle(t)
	}
}

// A failure is something that goes wrong while a token takes the place of another.
type failure struct {
	fault    sandbox.Fault
	keychain string   // the call that fails
	want     error    // nil: any *client.APIError
	asked    []string // after the POST
	waits    bool     // something may still come of it: the journal has it for a while
}

func failures() map[string]failure {
	post, item := sandbox.Fault{Method: "POST", Path: tokensPath, Times: 1}, tokensPath+"/*"
	with := func(change func(*sandbox.Fault)) sandbox.Fault { f := post; change(&f); return f }
	list, del := "GET "+tokensPath, "DELETE "+item
	checked := []string{"GET /v2/", "GET /token", del}
	return map[string]failure{
		"keychain fails":            {sandbox.Fault{Method: "PUT"}, "set", errKeychain, checked, false},
		"registry refuses":          {sandbox.Fault{Path: "/token", Status: 401}, "", tokens.ErrRejected, checked, false},
		"registry is broken":        {sandbox.Fault{Path: "/v2/", Status: 200}, "", client.ErrNotTheAPI, []string{"GET /v2/", del}, false},
		"reply lost after the deed": {with(func(f *sandbox.Fault) { f.Cut = sandbox.CutAfter }), "", client.ErrUnreachable, []string{list, del}, false},
		"lost before the deed":      {with(func(f *sandbox.Fault) { f.Cut = sandbox.CutBefore }), "", client.ErrUnreachable, []string{list}, true},
		"500 after the deed":        {with(func(f *sandbox.Fault) { f.Cut, f.Status = sandbox.CutAfter, 500 }), "", nil, []string{list, del}, false},
		"502 before the deed":       {with(func(f *sandbox.Fault) { f.Status = 502 }), "", nil, []string{list}, true},
		"page in place of the token": {
			with(func(f *sandbox.Fault) { f.Cut, f.Status, f.Body = sandbox.CutAfter, 201, "<html>" }), "", client.ErrNotTheAPI, []string{list, del}, false,
		},
		"token without a secret": {
			with(func(f *sandbox.Fault) { f.Cut, f.Status, f.Body = sandbox.CutAfter, 201, `{"uuid":"x"}` }), "", client.ErrNotTheAPI, []string{list, del}, false,
		},
		"refused with 400": {with(func(f *sandbox.Fault) { f.Status = 400 }), "", nil, nil, false},
		"refused with 401": {with(func(f *sandbox.Fault) { f.Status = 401 }), "", client.ErrUnauthorized, nil, false},
		"refused with 403": {with(func(f *sandbox.Fault) { f.Status = 403 }), "", client.ErrForbidden, nil, false},
		"refused with 429": {
			with(func(f *sandbox.Fault) { f.Status, f.Header = 429, map[string]string{"Retry-After": "3600"} }), "", client.ErrRateLimited, nil, false,
		},
	}
}

// TestFailureLeavesNothing has things go wrong at each step of each way to a token. What was there before
// works all the while, tokens of others stay, and what is left at the end is nothing.
func TestFailureLeavesNothing(t *testing.T) {
	t.Parallel()
	deeds := map[string]func(context.Context, *bench) error{
		"use": func(ctx context.Context, b *bench) error { _, err := b.use(ctx); return err },
		"rotate": func(ctx context.Context, b *bench) error {
			_, err := b.issuer.Rotate(ctx, b.place, tokens.Rotation{ExpiresAt: time.Now().Add(time.Hour)})
			return err
		},
	}
	for deed, do := range deeds {
		for name, tt := range failures() {
			t.Run(deed+"/"+name, func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				others := b.others(t)
				old := b.mustUse(t)
				before := len(b.Sandbox.Requests())
				b.Sandbox.Inject(tt.fault)
				b.keychain.fail = func(call string) error {
					if call == tt.keychain {
						return errKeychain
					}
					return nil
				}
				err := do(t.Context(), b)
				if tt.want == nil && !errors.As(err, new(*client.APIError)) || tt.want != nil && !errors.Is(err, tt.want) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
				if errors.As(err, new(*tokens.PendingError)) || err == nil {
					t.Errorf("got %v, want the cause alone", err)
				}
				asked := b.requests(before)
				if asked = asked[slices.Index(asked, "POST "+tokensPath)+1:]; !slices.Equal(asked, tt.asked) {
					t.Errorf("asked %q, want %q", asked, tt.asked)
				}
				if b.journal.Any() != tt.waits {
					t.Errorf("the journal has %+v", b.journal.Entries())
				}
				b.wantLeft(t, append(others, old.ID)...)
				b.wantHeld(t, old.ID)
				b.settle(t)
				b.wantLeft(t, append(others, old.ID)...)
			})
		}
	}
}

// others makes tokens that are not ours: of the same label, and of another operation.
func (b *bench) others(t *testing.T) []string {
	t.Helper()
	var ids []string
	for _, operation := range []string{"", "0b0ecd0a-95bd-4a35-8a28-2f2b4d8f8c5e", "another"} {
		token, _, err := b.hub.CreateToken(t.Context(), client.NewToken{Label: label, Scopes: []string{"repo:read"}, Operation: operation})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, token.ID)
	}
	return ids
}

// TestPending has the clean-up fail as well: the journal has it, and the next call ends it.
func TestPending(t *testing.T) {
	t.Parallel()
	lost := sandbox.Fault{Method: "POST", Path: tokensPath, Cut: sandbox.CutAfter, Times: 1}
	tests := map[string]struct {
		faults   []sandbox.Fault
		keychain string
		cause    error
		left     int // beside the old one
	}{
		"reply lost, list fails":    {[]sandbox.Fault{lost, {Method: "GET", Path: tokensPath, Status: 503}}, "", client.ErrUnreachable, 1},
		"reply lost, delete fails":  {[]sandbox.Fault{lost, {Method: "DELETE", Status: 500}}, "", client.ErrUnreachable, 1},
		"keychain and delete fail":  {[]sandbox.Fault{{Method: "DELETE", Cut: sandbox.CutBefore}}, "set", errKeychain, 1},
		"delete done, reply lost":   {[]sandbox.Fault{{Method: "DELETE", Cut: sandbox.CutAfter}}, "set", errKeychain, 0},
		"keychain cannot be asked":  {nil, "get", errKeychain, 1},
		"keychain falls over again": {nil, "*", errKeychain, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			old := b.mustUse(t)
			for _, f := range tt.faults {
				b.Sandbox.Inject(f)
			}
			calls := 0
			b.keychain.fail = func(call string) error {
				calls++
				if calls > 1 && (call == tt.keychain || tt.keychain == "*") { // the first is to see what is held
					return errKeychain
				}
				return nil
			}
			_, err := b.use(t.Context())
			var pending *tokens.PendingError
			if !errors.As(err, &pending) || pending.Label != label || !errors.Is(err, tt.cause) || pending.Undo == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", label)) {
				t.Errorf("got %v", err)
			}
			if left := b.left(t); len(left) != 1+tt.left {
				t.Errorf("the account has %d tokens, want %d", len(left), 1+tt.left)
			}
			b.settle(t)
			held := old.ID
			if name == "keychain cannot be asked" { // the new one was put there, and that was not known
				c, err := b.store.Get(t.Context(), key)
				if err != nil || c.Token.ID == old.ID {
					t.Fatalf("the store has %+v, %v", c.Token, err)
				}
				held = c.Token.ID
			}
			b.wantHeld(t, held)
			b.wantLeft(t, held)
		})
	}
}

// TestOldStays has the old token outlive its successor when it cannot be deleted: the deed is done all
// the same, and the journal ends the rest.
func TestOldStays(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old := b.mustUse(t)
	b.Sandbox.Inject(sandbox.Fault{Method: "DELETE", Status: 503})
	made, err := b.use(t.Context())
	if err != nil || made.Pending == nil || made.Replaced.ID != old.ID {
		t.Fatalf("Use = %+v, %v", made, err)
	}
	b.wantLeft(t, old.ID, made.Token.ID)
	b.wantHeld(t, made.Token.ID)
	b.settle(t)
	b.wantLeft(t, made.Token.ID)
}

// TestInterrupted ends the context at several places: the token is deleted all the same.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	tests := map[string]sandbox.Fault{
		"while it is checked": {Path: "/token", Delay: time.Hour},
		"while it is made":    {Method: "POST", Path: tokensPath, Cut: sandbox.CutAfter, Delay: time.Hour, Times: 1},
		"before it was begun": {Method: "POST", Path: tokensPath, Delay: time.Hour, Times: 1},
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			old := b.mustUse(t)
			b.Sandbox.Inject(fault)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if _, err := b.use(ctx); !errors.Is(err, context.DeadlineExceeded) || errors.As(err, new(*tokens.PendingError)) {
				t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
			}
			b.wantLeft(t, old.ID)
			b.settle(t)
			b.wantHeld(t, old.ID)
		})
	}
}
