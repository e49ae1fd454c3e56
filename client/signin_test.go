package client_test

import (
	"context"
	"encoding/base64"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/secret"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	h := startHub(t, nil)
	_, text := mustCreate(t, h.signedIn(t), "ci")
	tests := []struct {
		name, user string
		text       client.Secret
		sign       func(*client.Client, context.Context, string, client.Secret) (client.Session, error)
		lifetime   time.Duration // 0: refused
	}{
		{"password", "moby", secret.New(password), (*client.Client).SignIn, 24 * time.Hour},
		{"token as password", "moby", text, (*client.Client).SignIn, 24 * time.Hour},
		{"wrong password", "moby", secret.New(password + "!"), (*client.Client).SignIn, 0},
		{"unknown user", "nobody", secret.New(password), (*client.Client).SignIn, 0},
		{"exchange a password", "moby", secret.New(password), (*client.Client).Exchange, 10 * time.Minute},
		{"exchange a token", "moby", text, (*client.Client).Exchange, 10 * time.Minute},
		{"exchange a wrong password", "moby", secret.New(password + "!"), (*client.Client).Exchange, 0},
		{"exchange a token of another", "ann", text, (*client.Client).Exchange, 0},
	}
	for _, tt := range tests {
		got, err := tt.sign(h.client(t), t.Context(), tt.user, tt.text)
		if tt.lifetime == 0 {
			if !errors.Is(err, client.ErrUnauthorized) || !reflect.DeepEqual(got, client.Session{}) {
				t.Errorf("%s: got %v, %v; want ErrUnauthorized", tt.name, got, err)
			}
			continue
		}
		want := h.clock.now().Add(tt.lifetime).Unix()
		if err != nil || got.Username != tt.user || got.Bearer.IsZero() || got.ExpiresAt.Unix() != want {
			t.Errorf("%s: got %v, %v", tt.name, got, err)
		}
	}
}

func TestSignInWithSecondFactor(t *testing.T) {
	t.Parallel()
	h := startHub(t, nil)
	c := h.client(t)
	first := func(sign func(context.Context, string, client.Secret) (client.Session, error)) client.Secret {
		_, err := sign(t.Context(), "ann", secret.New(password))
		var wanted *client.SecondFactorError
		if !errors.As(err, &wanted) || wanted.LoginToken.IsZero() || errors.Is(err, client.ErrUnauthorized) {
			t.Fatalf("got %v, want a *SecondFactorError", err)
		}
		return wanted.LoginToken
	}
	code := func() client.Secret {
		text, err := totp.GenerateCode(totpSecret, h.clock.now())
		if err != nil {
			t.Fatal(err)
		}
		return secret.New(text)
	}
	right := code()
	wrong := secret.New("000" + "000")
	if right.Reveal() == wrong.Reveal() {
		wrong = secret.New("111" + "111")
	}
	steps := []struct {
		name             string
		loginToken, code client.Secret
		ok               bool
	}{
		{"wrong code", first(c.SignIn), wrong, false},
		{"right code", first(c.SignIn), right, true},
		{"used code", first(c.SignIn), right, false},
		{"another sign-in's token is no login token", secret.New(password), right, false},
	}
	for _, s := range steps {
		got, err := c.SignInSecondFactor(t.Context(), "ann", s.loginToken, s.code)
		if s.ok {
			if err != nil || got.Username != "ann" || got.ExpiresAt.Unix() != h.clock.now().Add(24*time.Hour).Unix() {
				t.Errorf("%s: got %v, %v", s.name, got, err)
			}
			if _, err := c.WithBearer(got.Bearer).ListTokens(t.Context()); err != nil {
				t.Errorf("%s: the bearer does not serve: %v", s.name, err)
			}
		} else if !errors.Is(err, client.ErrUnauthorized) {
			t.Errorf("%s: got %v, %v; want ErrUnauthorized", s.name, got, err)
		}
	}
	late := first(c.Exchange)
	h.clock.advance(6 * time.Minute)
	if _, err := c.SignInSecondFactor(t.Context(), "ann", late, code()); !errors.Is(err, client.ErrUnauthorized) {
		t.Errorf("after six minutes: got %v, want ErrUnauthorized", err)
	}
}

func TestSignInFallsBackWhereTheOlderRouteIsGone(t *testing.T) {
	t.Parallel()
	h := startHub(t, nil)
	tests := []struct {
		status int
		falls  bool
	}{{404, true}, {410, true}, {400, false}, {401, false}, {403, false}, {500, false}, {503, false}}
	for _, tt := range tests {
		before := h.count("POST", "/hub/v2/auth/token")
		h.Sandbox.Inject(sandbox.Fault{Path: "/hub/v2/users/login", Status: tt.status, Times: 1})
		got, err := h.client(t).SignIn(t.Context(), "moby", secret.New(password))
		if tried := h.count("POST", "/hub/v2/auth/token") > before; tried != tt.falls {
			t.Errorf("%d: the newer route tried: %v", tt.status, tried)
		}
		lives := got.ExpiresAt.Sub(h.clock.now().Truncate(time.Second))
		if tt.falls && (err != nil || got.Username != "moby" || lives != 10*time.Minute) {
			t.Errorf("%d: got %v, %v", tt.status, got, err)
		}
		var answer *client.APIError
		if !tt.falls && (!errors.As(err, &answer) || answer.Status != tt.status) {
			t.Errorf("%d: got %v", tt.status, err)
		}
	}
}

func TestBearersThatMayNot(t *testing.T) {
	t.Parallel()
	h := startHub(t, nil)
	owner := h.signedIn(t)
	token, text := mustCreate(t, owner, "ci")
	fromToken, err := h.client(t).Exchange(t.Context(), "moby", text)
	if err != nil {
		t.Fatal(err)
	}
	check := func(name string, c *client.Client, want error) {
		t.Helper()
		_, _, createErr := c.CreateToken(t.Context(), client.NewToken{Label: "x", Scopes: []string{"repo:read"}})
		_, listErr := c.ListTokens(t.Context())
		_, getErr := c.GetToken(t.Context(), token.ID)
		_, setErr := c.UpdateToken(t.Context(), token.ID, client.TokenChange{Active: new(false)})
		for i, err := range []error{createErr, listErr, getErr, setErr, c.DeleteToken(t.Context(), token.ID)} {
			if !errors.Is(err, want) {
				t.Errorf("%s, call %d: got %v, want %v", name, i, err, want)
			}
		}
	}
	check("of a token", h.client(t).WithBearer(fromToken.Bearer), client.ErrForbidden)
	check("a token itself", h.client(t).WithBearer(text), client.ErrUnauthorized)
	check("none", h.client(t), client.ErrUnauthorized)
	h.clock.advance(25 * time.Hour)
	check("expired", owner, client.ErrUnauthorized)
	if got, err := h.signedIn(t).ListTokens(t.Context()); err != nil || len(got) != 1 || !got[0].Active {
		t.Errorf("afterwards the account has %v, %v", got, err)
	}
}

func TestSessionFromBearer(t *testing.T) {
	t.Parallel()
	jwt := func(payload string) string {
		return "head." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".signature"
	}
	at := time.Unix(1_800_000_000, 0)
	tests := []struct {
		name, bearer, user string
		expires            time.Time
	}{
		{"whole seconds", jwt(`{"exp":1800000000,"https://hub.docker.com":{"username":"moby"}}`), "moby", at},
		{"a fraction", jwt(`{"exp":1800000000.75}`), "typed", at},
		{"no claims of ours", jwt(`{"sub":"x"}`), "typed", time.Time{}},
		{"padded", jwt(`{"exp":1800000000}`)[:len(jwt(`{"exp":1800000000}`))-len(".signature")] + "==.signature", "typed", at},
		{"exp before 1970", jwt(`{"exp":-5}`), "typed", time.Time{}},
		{"exp of another type", jwt(`{"exp":"soon","https://hub.docker.com":{"username":"moby"}}`), "typed", time.Time{}},
		{"not base64", "a.!.c", "typed", time.Time{}},
		{"opaque", "opaque-bearer", "typed", time.Time{}},
	}
	for _, tt := range tests {
		got, err := client.SessionFromBearer("typed", secret.New(tt.bearer))
		want := client.Session{Username: tt.user, Bearer: secret.New(tt.bearer), ExpiresAt: tt.expires}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v; want %+v", tt.name, got, err, want)
		}
	}
	if got, err := client.SessionFromBearer("typed", client.Secret{}); !errors.Is(err, client.ErrNotTheAPI) {
		t.Errorf("empty: got %v, %v", got, err)
	}
}
