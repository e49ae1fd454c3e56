package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/sandbox"
)

// TestLifeOfAToken goes through every operation, in every form of reply.
func TestLifeOfAToken(t *testing.T) {
	t.Parallel()
	for _, redaction := range []sandbox.Redaction{sandbox.RedactStars, sandbox.RedactEmpty, sandbox.RedactAbsent} {
		for _, expiry := range []sandbox.NoExpiry{sandbox.ExpiryNull, sandbox.ExpiryAbsent} {
			t.Run(fmt.Sprintf("%q,%q", redaction, expiry), func(t *testing.T) {
				t.Parallel()
				h := startHub(t, func(o *sandbox.Options) { o.Redaction, o.NoExpiry = redaction, expiry })
				lifeOfAToken(t, h)
			})
		}
	}
}

func lifeOfAToken(t *testing.T, h hub) {
	c := h.signedIn(t)
	created := h.clock.now()
	want := []client.Token{
		{Label: "for ever", Scopes: []string{"repo:admin"}, CreatorUA: userAgent},
		{Label: "née <ci> & \"co\"", Scopes: []string{"repo:read", "sandbox:use"}, CreatorUA: userAgent + " operation/op-1", Operation: "op-1", ExpiresAt: created.Add(720 * time.Hour).Truncate(time.Second)},
	}
	for i, spec := range []client.NewToken{
		{Label: want[0].Label, Scopes: want[0].Scopes},
		{Label: want[1].Label, Scopes: want[1].Scopes, ExpiresAt: want[1].ExpiresAt.In(time.FixedZone("", 7200)), Operation: "op-1"},
	} {
		got, text, err := c.CreateToken(t.Context(), spec)
		want[i].ID, want[i].Active, want[i].CreatedAt, want[i].CreatorIP = got.ID, true, created, "127.0.0.1"
		if err != nil || got.ID == "" || !strings.HasPrefix(text.Reveal(), "dckr_"+"pat_") || !reflect.DeepEqual(got, want[i]) {
			t.Fatalf("CreateToken = %+v, %v; want %+v", got, err, want[i])
		}
		h.clock.advance(time.Hour)
		if _, err := h.client(t).Exchange(t.Context(), "moby", text); err != nil { // notes the use
			t.Fatal(err)
		}
		want[i].LastUsedAt = h.clock.now()
		created = h.clock.now()
	}
	wantList := []client.Token{want[1], want[0]} // newest first
	if got, err := c.ListTokens(t.Context()); err != nil || !reflect.DeepEqual(got, wantList) {
		t.Errorf("ListTokens = %+v, %v; want %+v", got, err, wantList)
	}
	for _, active := range []bool{false, false, true} {
		want[1].Active = active
		if got, err := c.UpdateToken(t.Context(), want[1].ID, client.TokenChange{Active: new(active)}); err != nil || !reflect.DeepEqual(got, want[1]) {
			t.Errorf("UpdateToken(%v) = %+v, %v", active, got, err)
		}
		if got, err := c.GetToken(t.Context(), want[1].ID); err != nil || !reflect.DeepEqual(got, want[1]) {
			t.Errorf("GetToken = %+v, %v; want %+v", got, err, want[1])
		}
	}
	want[1].Active, want[1].Label = false, "renamed while off"
	for _, change := range []client.TokenChange{{Active: new(false)}, {Label: new(want[1].Label)}} {
		if _, err := c.UpdateToken(t.Context(), want[1].ID, change); err != nil {
			t.Error(err)
		}
	}
	if got, err := c.GetToken(t.Context(), want[1].ID); err != nil || !reflect.DeepEqual(got, want[1]) {
		t.Errorf("after a change of the label alone GetToken = %+v, %v; want %+v", got, err, want[1])
	}
	if err := c.DeleteToken(t.Context(), want[1].ID); err != nil {
		t.Error(err)
	}
	_, getErr := c.GetToken(t.Context(), want[1].ID)
	_, setErr := c.UpdateToken(t.Context(), want[1].ID, client.TokenChange{Active: new(true)})
	for i, err := range []error{c.DeleteToken(t.Context(), want[1].ID), getErr, setErr} {
		if !errors.Is(err, client.ErrNotFound) {
			t.Errorf("after the end, call %d: got %v, want ErrNotFound", i, err)
		}
	}
	if got, err := c.ListTokens(t.Context()); err != nil || !reflect.DeepEqual(got, want[:1]) {
		t.Errorf("at the end ListTokens = %+v, %v", got, err)
	}
}

func TestRefusedCreation(t *testing.T) {
	t.Parallel()
	const why = "token_label: must have 1 to 100 characters"
	for form, detail := range map[sandbox.Validation]string{
		sandbox.ValidationMessage: why,
		sandbox.ValidationFields:  why + ": token_label [must have 1 to 100 characters]",
	} {
		h := startHub(t, func(o *sandbox.Options) { o.Validation = form })
		c := h.signedIn(t)
		h.AllowInvalid()
		_, text, err := c.CreateToken(t.Context(), client.NewToken{Label: strings.Repeat("x", 101), Scopes: []string{"repo:read"}})
		var got *client.APIError
		want := client.APIError{Method: "POST", Path: "/v2/access-tokens", Status: 400, Detail: detail}
		if !errors.As(err, &got) || *got != want || !text.IsZero() {
			t.Errorf("form %q: got %v, want %v", form, err, &want)
		}
	}
}

func TestListIsWhole(t *testing.T) {
	t.Parallel()
	for n, requests := range map[int]int{0: 1, 1: 1, 100: 1, 101: 2, 250: 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			h := startHub(t, nil)
			c := h.signedIn(t)
			var want []string
			for i := range n {
				token, _ := mustCreate(t, c, fmt.Sprint("token ", i))
				want = append(want, token.ID)
			}
			got, err := c.ListTokens(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			slices.Reverse(want) // newest first
			if !slices.Equal(ids(got), want) {
				t.Errorf("got %d tokens, want %d, each once", len(got), n)
			}
			if asked := h.count("GET", tokensPath); asked != requests {
				t.Errorf("%d requests, want %d", asked, requests)
			}
		})
	}
}

// TestListMeanwhile has a token made, or deleted, between two pages.
func TestListMeanwhile(t *testing.T) {
	t.Parallel()
	page := func(next, ids string) string {
		var results []string
		for _, id := range strings.Fields(ids) {
			results = append(results, `{"uuid":"`+id+`"}`)
		}
		return `{"next":` + next + `,"results":[` + strings.Join(results, ",") + `]}`
	}
	tests := map[string]struct {
		pages []string // a missing one is a 404
		want  []string
	}{
		"one made":            {[]string{page(`"?page=2"`, "a b"), page("null", "b c")}, []string{"a", "b", "c"}},
		"last page vanished":  {[]string{page(`"?page=2"`, "a b")}, []string{"a", "b"}},
		"next is empty text":  {[]string{page(`""`, "a")}, []string{"a"}},
		"next of a full path": {[]string{page(`"/v2/access-tokens?page=2"`, "a"), page("null", "b")}, []string{"a", "b"}},
	}
	for name, tt := range tests {
		server := record(t, func(w http.ResponseWriter, r *http.Request) {
			i := 0
			if r.URL.Query().Get("page") == "2" {
				i = 1
			}
			if i >= len(tt.pages) {
				reply(404, "application/json", `{"message":"not found"}`)(w, r)
				return
			}
			reply(200, "application/json", tt.pages[i])(w, r)
		})
		got, err := newClient(t, server.URL, nil).ListTokens(t.Context())
		if err != nil || !slices.Equal(ids(got), tt.want) {
			t.Errorf("%s: got %v, %v; want %v", name, ids(got), err, tt.want)
		}
	}
}

func TestListFirstPageMissing(t *testing.T) {
	t.Parallel()
	server := record(t, reply(404, "application/json", `{"message":"not found"}`))
	if got, err := newClient(t, server.URL, nil).ListTokens(t.Context()); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("got %v, %v; want ErrNotFound", got, err)
	}
}

// TestWhatIsSent looks at the bytes of requests that the API document cannot tell apart.
func TestWhatIsSent(t *testing.T) {
	t.Parallel()
	server := record(t, reply(200, "application/json", `{"uuid":"1234","token":"x","unknown":{"member":1}}`))
	c := newClient(t, server.URL+"/base/", nil)
	if _, err := c.UpdateToken(t.Context(), "1234", client.TokenChange{Active: new(false)}); err != nil {
		t.Error(err)
	}
	if _, _, err := c.CreateToken(t.Context(), client.NewToken{Label: "x", Scopes: []string{"repo:read"}}); err != nil {
		t.Error(err)
	}
	if _, err := c.GetToken(t.Context(), "a/b?c%20é"); err != nil {
		t.Error(err)
	}
	want := []string{
		`PATCH /base/v2/access-tokens/1234 |  | {"is_active":false}`,
		`POST /base/v2/access-tokens |  | {"token_label":"x","scopes":["repo:read"]}`,
		`GET /base/v2/access-tokens/a%2Fb%3Fc%2520%C3%A9 |  | `,
	}
	if got := server.requests(); !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
}

func ids(tokens []client.Token) []string {
	var all []string
	for _, t := range tokens {
		all = append(all, t.ID)
	}
	return all
}
