package tokens_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/sandbox/sandboxtest"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/tokens"
)

const (
	password   = "whale-" + "of-a-password"
	tokensPath = "/hub/v2/access-tokens"
	label      = "laptop of moby"
)

var errKeep = errors.New("the keychain is locked")

// A bench is a sandbox with one account, a creator for it, and what keep was given.
type bench struct {
	*sandboxtest.Server
	hub     *client.Client
	creator tokens.Creator
	kept    []client.Token
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{Server: sandboxtest.Start(t, sandbox.Options{Users: []sandbox.User{{Name: "moby", Password: password}}})}
	hub, err := client.New(client.Options{BaseURL: b.URL + sandbox.HubPath, UserAgent: "docker-pat-test/1"})
	if err != nil {
		t.Fatal(err)
	}
	session, err := hub.SignIn(t.Context(), "moby", secret.New(password))
	if err != nil {
		t.Fatal(err)
	}
	registry, err := client.NewRegistry(b.URL, "docker-pat-test/1")
	if err != nil {
		t.Fatal(err)
	}
	b.hub = hub.WithBearer(session.Bearer)
	b.creator = tokens.Creator{Hub: b.hub, Registry: registry, Username: "moby"}
	return b
}

func (b *bench) keep(token client.Token, _ client.Secret) error {
	b.kept = append(b.kept, token)
	return nil
}

func (b *bench) create(ctx context.Context, keep func(client.Token, client.Secret) error) (client.Token, error) {
	return b.creator.Create(ctx, client.NewToken{Label: label, Scopes: []string{"repo:read"}}, keep)
}

// left is what the account has, without faults.
func (b *bench) left(t *testing.T) []client.Token {
	t.Helper()
	b.Sandbox.ClearFaults()
	all, err := b.hub.ListTokens(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// requests are those after the sign-in, without the ids in them.
func (b *bench) requests() []string {
	var all []string
	for _, r := range b.Sandbox.Requests()[1:] {
		path := r.Path
		if strings.HasPrefix(path, tokensPath+"/") {
			path = tokensPath + "/*"
		}
		all = append(all, r.Method+" "+path)
	}
	return all
}

func TestCreate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var text client.Secret
	got, err := b.create(t.Context(), func(token client.Token, s client.Secret) error {
		text = s
		return b.keep(token, s)
	})
	if err != nil || got.Label != label || !reflect.DeepEqual(b.kept, []client.Token{got}) {
		t.Fatalf("Create = %+v, %v; kept %+v", got, err, b.kept)
	}
	if err := b.creator.Registry.SignIn(t.Context(), "moby", text); err != nil {
		t.Errorf("what was kept does not open the registry: %v", err)
	}
	want := []string{"POST " + tokensPath, "GET /v2/", "GET /token"}
	if asked := b.requests()[:3]; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
	if all := b.left(t); len(all) != 1 || all[0].ID != got.ID {
		t.Errorf("the account has %+v", all)
	}
	second, err := b.create(t.Context(), b.keep)
	if err != nil || second.CreatorUA == got.CreatorUA || !strings.HasPrefix(second.CreatorUA, "docker-pat-test/1 operation/") {
		t.Errorf("the second is made by %q, the first by %q (%v)", second.CreatorUA, got.CreatorUA, err)
	}
}

func TestCreateWithoutARegistry(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.creator.Registry = nil
	if _, err := b.create(t.Context(), b.keep); err != nil || len(b.kept) != 1 || len(b.requests()) != 1 {
		t.Errorf("got %v, kept %v, asked %q", err, b.kept, b.requests())
	}
}

// TestRegistryOutOfReach keeps a token that could not be checked, if there is somebody to tell.
func TestRegistryOutOfReach(t *testing.T) {
	t.Parallel()
	for _, tell := range []bool{true, false} {
		b := newBench(t)
		b.Sandbox.Inject(sandbox.Fault{Path: "/v2/", Cut: sandbox.CutBefore})
		var told error
		if tell {
			b.creator.OnUnchecked = func(err error) { told = err }
		}
		_, err := b.create(t.Context(), b.keep)
		if tell && (err != nil || len(b.kept) != 1 || !errors.Is(told, client.ErrUnreachable)) {
			t.Errorf("got %v, kept %v, told %v", err, b.kept, told)
		}
		if !tell && (!errors.Is(err, client.ErrUnreachable) || len(b.kept) != 0) {
			t.Errorf("with nobody to tell: got %v, kept %v", err, b.kept)
		}
	}
}

// TestFailureLeavesNothing has things go wrong at each step. Tokens of others are there all the while.
func TestFailureLeavesNothing(t *testing.T) {
	t.Parallel()
	post, item := sandbox.Fault{Method: "POST", Path: tokensPath, Times: 1}, tokensPath+"/*"
	with := func(f sandbox.Fault, change func(*sandbox.Fault)) sandbox.Fault { change(&f); return f }
	unauthorized, unreachable, notTheAPI := client.ErrUnauthorized, client.ErrUnreachable, client.ErrNotTheAPI
	list, del := "GET "+tokensPath, "DELETE "+item
	tests := []struct {
		name  string
		fault sandbox.Fault
		keep  error
		want  error    // nil: any *client.APIError
		asked []string // after the POST
	}{
		{"keep fails", sandbox.Fault{Method: "PUT"}, errKeep, errKeep, []string{"GET /v2/", "GET /token", del}},
		{"registry refuses", sandbox.Fault{Path: "/token", Status: 401}, nil, tokens.ErrRejected, []string{"GET /v2/", "GET /token", del}},
		{"registry is broken", sandbox.Fault{Path: "/v2/", Status: 200}, nil, notTheAPI, []string{"GET /v2/", del}},
		{"reply lost after the deed", with(post, func(f *sandbox.Fault) { f.Cut = sandbox.CutAfter }), nil, unreachable, []string{list, del}},
		{"lost before the deed", with(post, func(f *sandbox.Fault) { f.Cut = sandbox.CutBefore }), nil, unreachable, []string{list}},
		{"500 after the deed", with(post, func(f *sandbox.Fault) { f.Cut, f.Status = sandbox.CutAfter, 500 }), nil, nil, []string{list, del}},
		{"502 before the deed", with(post, func(f *sandbox.Fault) { f.Status = 502 }), nil, nil, []string{list}},
		{"page in place of the token", with(post, func(f *sandbox.Fault) { f.Cut, f.Status, f.Body = sandbox.CutAfter, 201, "<html>" }), nil, notTheAPI, []string{list, del}},
		{"token without a secret", with(post, func(f *sandbox.Fault) { f.Cut, f.Status, f.Body = sandbox.CutAfter, 201, `{"uuid":"x"}` }), nil, notTheAPI, []string{list, del}},
		{"refused with 400", with(post, func(f *sandbox.Fault) { f.Status = 400 }), nil, nil, nil},
		{"refused with 401", with(post, func(f *sandbox.Fault) { f.Status = 401 }), nil, unauthorized, nil},
		{"refused with 403", with(post, func(f *sandbox.Fault) { f.Status = 403 }), nil, client.ErrForbidden, nil},
		{"refused with 429", with(post, func(f *sandbox.Fault) { f.Status, f.Header = 429, map[string]string{"Retry-After": "3600"} }), nil, client.ErrRateLimited, nil},
	}
	for _, tt := range tests {
		b := newBench(t)
		others := b.others(t)
		before := len(b.requests()) + 1 // and the POST
		b.Sandbox.Inject(tt.fault)
		var shown []string
		_, err := b.create(t.Context(), func(token client.Token, s client.Secret) error {
			shown = append(shown, s.Reveal())
			return tt.keep
		})
		if tt.want == nil && !errors.As(err, new(*client.APIError)) || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
		if errors.As(err, new(*tokens.OrphanError)) || err == nil {
			t.Errorf("%s: got %v, want the cause alone", tt.name, err)
		}
		for _, s := range shown {
			if strings.Contains(fmt.Sprintf("%+v", err), s) {
				t.Errorf("%s: the secret is in %v", tt.name, err)
			}
		}
		if asked := b.requests()[before:]; !slices.Equal(asked, tt.asked) {
			t.Errorf("%s: asked %q, want %q", tt.name, asked, tt.asked)
		}
		if left := b.left(t); !reflect.DeepEqual(left, others) {
			t.Errorf("%s: the account has %+v, want %+v", tt.name, left, others)
		}
	}
}

// others makes tokens that are not ours: of the same label, and of another operation.
func (b *bench) others(t *testing.T) []client.Token {
	t.Helper()
	for _, operation := range []string{"", "0b0ecd0a-95bd-4a35-8a28-2f2b4d8f8c5e", "another"} {
		if _, _, err := b.hub.CreateToken(t.Context(), client.NewToken{Label: label, Scopes: []string{"repo:read"}, Operation: operation}); err != nil {
			t.Fatal(err)
		}
	}
	all, err := b.hub.ListTokens(t.Context())
	if err != nil || len(all) != 3 {
		t.Fatal(all, err)
	}
	return all
}

// TestOrphan has the clean-up fail as well: the error names what to look for.
func TestOrphan(t *testing.T) {
	t.Parallel()
	lost := sandbox.Fault{Method: "POST", Path: tokensPath, Cut: sandbox.CutAfter, Times: 1}
	tests := map[string]struct {
		faults []sandbox.Fault
		keep   error
		cause  error
		left   int
	}{
		"reply lost, list fails":   {[]sandbox.Fault{lost, {Method: "GET", Path: tokensPath, Status: 503}}, nil, client.ErrUnreachable, 1},
		"reply lost, delete fails": {[]sandbox.Fault{lost, {Method: "DELETE", Status: 500}}, nil, client.ErrUnreachable, 1},
		"keep and delete fail":     {[]sandbox.Fault{{Method: "DELETE", Cut: sandbox.CutBefore}}, errKeep, errKeep, 1},
		"delete done, reply lost":  {[]sandbox.Fault{{Method: "DELETE", Cut: sandbox.CutAfter}}, errKeep, errKeep, 0},
	}
	for name, tt := range tests {
		b := newBench(t)
		for _, f := range tt.faults {
			b.Sandbox.Inject(f)
		}
		_, err := b.create(t.Context(), func(client.Token, client.Secret) error { return tt.keep })
		var orphan *tokens.OrphanError
		if !errors.As(err, &orphan) || orphan.Label != label || !errors.Is(err, tt.cause) || orphan.Undo == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", label)) {
			t.Errorf("%s: got %v", name, err)
		}
		if left := b.left(t); len(left) != tt.left {
			t.Errorf("%s: the account has %d tokens, want %d", name, len(left), tt.left)
		}
	}
}

// TestGoneAlready takes a token that somebody else deleted meanwhile for deleted.
func TestGoneAlready(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, err := b.create(t.Context(), func(token client.Token, _ client.Secret) error {
		return errors.Join(errKeep, b.hub.DeleteToken(t.Context(), token.ID))
	})
	if !errors.Is(err, errKeep) || errors.As(err, new(*tokens.OrphanError)) {
		t.Errorf("got %v, want %v", err, errKeep)
	}
}

// TestInterrupted ends the context at three places: the token is deleted all the same.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	tests := map[string]sandbox.Fault{
		"while it is kept":    {Method: "PUT"},
		"while it is checked": {Path: "/token", Delay: time.Hour},
		"while it is made":    {Method: "POST", Path: tokensPath, Cut: sandbox.CutAfter, Delay: time.Hour, Times: 1},
		"before it was begun": {Method: "POST", Path: tokensPath, Delay: time.Hour, Times: 1},
	}
	for name, fault := range tests {
		b := newBench(t)
		b.Sandbox.Inject(fault)
		ctx, cancel := context.WithCancel(t.Context())
		if fault.Delay > 0 {
			time.AfterFunc(300*time.Millisecond, cancel)
		}
		_, err := b.create(ctx, func(client.Token, client.Secret) error {
			cancel()
			return ctx.Err()
		})
		if !errors.Is(err, context.Canceled) || errors.As(err, new(*tokens.OrphanError)) {
			t.Errorf("%s: got %v, want %v", name, err, context.Canceled)
		}
		if left := b.left(t); len(left) != 0 {
			t.Errorf("%s: the account has %+v", name, left)
		}
		cancel()
	}
}
