package client_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/tokens"
)

// fill makes n tokens and returns their ids, newest first.
func fill(t *testing.T, hub tokens.Hub, n int) []string {
	t.Helper()
	work := make(chan int)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range work {
				if _, _, err := hub.CreateToken(t.Context(), client.NewToken{Label: fmt.Sprint("token ", i), Scopes: []string{"repo:read"}, Resources: pullLarge}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wg.Wait()
	all, err := hub.ListTokens(t.Context())
	if err != nil || len(all) != n {
		t.Fatalf("made %d tokens, %v; want %d", len(all), err, n)
	}
	return ids(all)
}

var pullLarge = []client.Resource{{Type: client.RepositoryResource, Path: "large/app", Scopes: []string{"scope-image-pull"}}}

// TestLongList reads a thousand tokens with ten requests, side by side: in less time than the same ten take
// one after the other.
func TestLongList(t *testing.T) {
	t.Parallel()
	h := startHub(t, nil)
	bearer := h.session(t).Bearer
	c := h.client(t).WithBearer(bearer)
	want := fill(t, c, 1000)
	h.Sandbox.Inject(sandbox.Fault{Path: tokensPath, Delay: 100 * time.Millisecond})
	var apart, together time.Duration
	for try := 0; try == 0 || try < 3 && together >= apart; try++ { // a machine with other work is no steady clock
		begin := time.Now()
		for page := range 10 {
			getPage(t, h, bearer, page+1)
		}
		apart = time.Since(begin)
		before := h.count("GET", tokensPath)
		begin = time.Now()
		got, err := c.ListTokens(t.Context())
		together = time.Since(begin)
		if err != nil || !slices.Equal(ids(got), want) {
			t.Errorf("got %d tokens, %v; want %d, each once", len(got), err, len(want))
		}
		if asked := h.count("GET", tokensPath) - before; asked != 10 {
			t.Errorf("%d requests, want 10", asked)
		}
	}
	if together >= apart {
		t.Errorf("the list took %v, its pages one after the other %v", together, apart)
	}
	t.Logf("the list took %v, its pages one after the other %v", together, apart)
}

func getPage(t *testing.T, h hub, bearer client.Secret, number int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("%s%s?page=%d&page_size=100", h.URL, tokensPath, number), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+bearer.Reveal())
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
}

// TestPagesAtOnce counts the requests that are under way, for a list of a user and of an organization, and
// with a service whose pages are smaller than they were asked to be.
func TestPagesAtOnce(t *testing.T) {
	t.Parallel()
	const total, size = 95, 5
	for member, path := range map[string]string{"count": "/v2/access-tokens", "total": "/v2/orgs/acme/access-tokens"} {
		var now, most atomic.Int32
		server := record(t, func(w http.ResponseWriter, r *http.Request) {
			n := now.Add(1)
			defer now.Add(-1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			time.Sleep(20 * time.Millisecond) // long enough for the others to come
			number, _ := strconv.Atoi(r.URL.Query().Get("page"))
			results, next := []any{}, any(nil)
			for i := (number - 1) * size; i < number*size; i++ {
				results = append(results, map[string]any{"uuid": fmt.Sprint(i), "id": fmt.Sprint(i)})
			}
			if number*size < total {
				next = fmt.Sprintf("%s?page=%d&page_size=%d", path, number+1, size)
			}
			reply(200, "application/json", quoted(map[string]any{member: total, "next": next, "results": results}))(w, r)
		})
		c := newClient(t, server.URL, nil)
		var hub tokens.Hub = c
		if member == "total" {
			hub = c.Organization("acme")
		}
		got, err := hub.ListTokens(t.Context())
		if n := len(server.requests()); err != nil || len(got) != total || n != total/size || most.Load() < 2 || most.Load() > 4 {
			t.Errorf("%s: got %d tokens, %v, by %d requests, %d at once; want %d by %d, 4 at once at most", member, len(got), err, n, most.Load(), total, total/size)
		}
		for i, token := range got {
			if token.ID != fmt.Sprint(i) {
				t.Fatalf("%s: token %d is %s", member, i, token.ID)
			}
		}
	}
}

// TestListChanges has tokens made and deleted between the pages of a list: what was there all the while comes
// once.
func TestListChanges(t *testing.T) {
	t.Parallel()
	const n = 450
	tests := map[string]struct {
		page   string
		always bool // at every reading, so that none is whole
		change func(t *testing.T, c *client.Client, left []string) []string
	}{
		"a page is deleted":  {"3", false, func(t *testing.T, c *client.Client, left []string) []string { return remove(t, c, left, 0, 100) }},
		"the end is deleted": {"5", false, func(t *testing.T, c *client.Client, left []string) []string { return remove(t, c, left, 350, 450) }},
		"one always goes":    {"2", true, func(t *testing.T, c *client.Client, left []string) []string { return remove(t, c, left, 0, 1) }},
		"one always comes":   {"2", true, func(t *testing.T, c *client.Client, left []string) []string { mustCreate(t, c, "new"); return left }},
		"some come":          {"2", false, func(t *testing.T, c *client.Client, left []string) []string { mustCreate(t, c, "new"); return left }},
		"one comes as one goes": {"4", true, func(t *testing.T, c *client.Client, left []string) []string {
			mustCreate(t, c, "new")
			return remove(t, c, left, 1, 2)
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := startHub(t, nil)
			direct := h.signedIn(t)
			left := fill(t, direct, n)
			var mu sync.Mutex
			changes := 0
			server := record(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				if r.URL.Query().Get("page") == tt.page && (changes == 0 || tt.always) {
					changes++
					left = tt.change(t, direct, left)
				}
				mu.Unlock()
				h.Sandbox.ServeHTTP(w, r)
			})
			got, err := through(t, h, server).ListTokens(t.Context())
			if err != nil || changes == 0 {
				t.Fatal(changes, err)
			}
			seen := map[string]int{}
			for _, id := range ids(got) {
				seen[id]++
				if seen[id] > 1 {
					t.Errorf("%s comes twice", id)
				}
			}
			for i, id := range left {
				if seen[id] != 1 {
					t.Errorf("token %d of %d is missing", i, len(left))
				}
			}
			if !tt.always && len(got) != len(left) && name != "some come" {
				t.Errorf("got %d tokens, want the %d that are left", len(got), len(left))
			}
			if asked := len(server.requests()); asked > 3*6+1 {
				t.Errorf("%d requests", asked)
			}
		})
	}
}

// through is moby's client by way of another server.
func through(t *testing.T, h hub, server *recorder) *client.Client {
	t.Helper()
	c := newClient(t, server.URL+sandbox.HubPath, nil)
	return c.WithBearer(h.session(t).Bearer)
}

func remove(t *testing.T, c *client.Client, left []string, from, to int) []string {
	for _, id := range left[from:to] {
		if err := c.DeleteToken(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	return slices.Delete(slices.Clone(left), from, to)
}

// TestNextPagesElsewhere has a later page name another host.
func TestNextPagesElsewhere(t *testing.T) {
	t.Parallel()
	server := record(t, func(w http.ResponseWriter, r *http.Request) {
		number := r.URL.Query().Get("page")
		next := map[string]string{"1": "?page=2", "2": "?page=3", "3": "http://192.0.2.1/?page=4"}[number]
		reply(200, "application/json", quoted(map[string]any{"total": 4, "next": next, "results": []any{map[string]any{"id": number}}}))(w, r)
	})
	_, err := newClient(t, server.URL, nil).Organization("acme").ListTokens(t.Context())
	if n := len(server.requests()); n != 4 {
		t.Errorf("%d requests", n)
	}
	if !errors.Is(err, client.ErrRedirect) {
		t.Errorf("got %v, want ErrRedirect", err)
	}
}

// TestNextPagesOfTheMock has the service name Docker Hub as its host and always the same next page, as a mock
// server with the examples of the API reference does.
func TestNextPagesOfTheMock(t *testing.T) {
	t.Parallel()
	server := record(t, reply(200, "application/json", `{"total":10,"next":"https://hub.docker.com/v2/orgs/docker/access-tokens?page=2&page_size=10",
		"results":[{"id":"a7a5ef25"}]}`))
	got, err := newClient(t, server.URL, nil).WithBearer(secret.New("bearer")).Organization("acme").ListTokens(t.Context())
	if err != nil || len(got) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
	requests := server.requests()
	if len(requests) < 2 || len(requests) > 5 {
		t.Errorf("%d requests", len(requests))
	}
	for _, r := range requests {
		if !strings.HasPrefix(r, "GET /v2/orgs/acme/access-tokens?page=") {
			t.Errorf("asked for %s", r)
		}
	}
}

// TestPageFails has one page of several fail.
func TestPageFails(t *testing.T) {
	t.Parallel()
	h := startHub(t, nil)
	fill(t, h.signedIn(t), 250)
	server := record(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("page") == "3" {
			reply(500, "", "")(w, r)
			return
		}
		h.Sandbox.ServeHTTP(w, r)
	})
	if got, err := through(t, h, server).ListTokens(t.Context()); err == nil || got != nil {
		t.Errorf("got %d tokens, %v", len(got), err)
	}
}

// TestPagesThrottled has four pages told to wait at the same time. Who is told of it need not lock anything: the
// race detector sees it.
func TestPagesThrottled(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked := map[string]int{}
	server := record(t, func(w http.ResponseWriter, r *http.Request) {
		number := r.URL.Query().Get("page")
		mu.Lock()
		asked[number]++
		first := asked[number] == 1
		mu.Unlock()
		if number != "1" && first {
			w.Header().Set("Retry-After", "1")
			reply(429, "text/plain", "later")(w, r)
			return
		}
		next := map[string]any{"1": "?page=2", "2": "?page=3", "3": "?page=4", "4": "?page=5"}[number]
		reply(200, "application/json", quoted(map[string]any{"count": 5, "next": next, "results": []any{map[string]any{"uuid": number}}}))(w, r)
	})
	told := 0
	got, err := newClient(t, server.URL, func(time.Duration) { told++ }).ListTokens(t.Context())
	if want := []string{"1", "2", "3", "4", "5"}; err != nil || !slices.Equal(ids(got), want) || told != 4 {
		t.Errorf("got %v, %v, told %d times; want %v, told 4 times", ids(got), err, told, want)
	}
}
