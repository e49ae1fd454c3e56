package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"sync"
)

const (
	pageSize    = 100 // what docker/hub-tool asks for. No maximum is documented
	atOnce      = 4   // requests under way at the same time
	maxReadings = 3   // of a list that changes while it is read
)

// A page is one of a list of tokens, whoever owns them.
type page struct {
	total  int // of the whole list; -1 when not told
	next   string
	tokens []Token
	gone   bool // there is no such page
}

func newPage[T any](total *int, next string, results []T, token func(T) Token) page {
	p := page{total: -1, next: next}
	if total != nil {
		p.total = *total
	}
	for _, w := range results {
		p.tokens = append(p.tokens, token(w))
	}
	return p
}

// A pageReader makes the request for one page.
type pageReader func(ctx context.Context, query url.Values) (page, error)

// listAll returns each token of a list once. A token that is made meanwhile moves others to the next page,
// so that they come twice; one that is deleted moves others to the page before, so that they would be
// missed: the list is read again then. If it never stays the same, the result is all that was seen, and
// a token that was deleted while the list was read may still be in it.
func (c *Client) listAll(ctx context.Context, read pageReader) ([]Token, error) {
	var all listing
	for range maxReadings {
		once, err := c.listOnce(ctx, read)
		if err != nil {
			return nil, err
		}
		if once.whole() {
			return once.tokens, nil
		}
		once.add(all.tokens)
		all = once
	}
	return all.tokens, nil
}

// listOnce reads the first page by itself. When that tells how many there are, the others are read side by
// side; otherwise each names the next.
func (c *Client) listOnce(ctx context.Context, read pageReader) (listing, error) {
	var l listing
	queries := []url.Values{{"page": {"1"}, "page_size": {strconv.Itoa(pageSize)}}}
	for {
		pages, err := readPages(ctx, read, queries)
		if err != nil {
			return l, err
		}
		var next url.Values
		for _, p := range pages {
			if p.gone { // tokens that were deleted meanwhile took it with them
				l.changed = true
				return l, nil
			}
			fresh := l.addPage(p)
			if next, err = c.nextPage(p.next); err != nil {
				return l, err
			}
			if fresh == 0 {
				l.endless = l.pages > 1
				return l, nil
			}
			if next == nil {
				return l, nil
			}
		}
		queries = l.following(next)
	}
}

// readPages makes several requests side by side. Only the first page of a list must be there.
func readPages(ctx context.Context, read pageReader, queries []url.Values) ([]page, error) {
	pages, errs := make([]page, len(queries)), make([]error, len(queries))
	var wg sync.WaitGroup
	for i, query := range queries {
		wg.Go(func() { pages[i], errs[i] = read(ctx, query) })
	}
	wg.Wait()
	for i, err := range errs {
		if errors.Is(err, ErrNotFound) && queries[i].Get("page") != "1" {
			pages[i].gone, err = true, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return pages, nil
}

// A listing is what was read of a list so far.
type listing struct {
	tokens      []Token
	seen        map[string]bool // by id
	pages       int
	size, total int  // of the first page, and of the list by it; -1: not told
	changed     bool // the pages do not belong to one state of the list
	endless     bool // the service goes on naming next pages that have nothing new
}

// add returns how many of the tokens were new.
func (l *listing) add(tokens []Token) (fresh int) {
	if l.seen == nil {
		l.seen = map[string]bool{}
	}
	for _, t := range tokens {
		if !l.seen[t.ID] {
			l.seen[t.ID] = true
			l.tokens = append(l.tokens, t)
			fresh++
		}
	}
	return fresh
}

func (l *listing) addPage(p page) (fresh int) {
	if l.pages == 0 {
		l.size, l.total = len(p.tokens), p.total
	}
	l.pages++
	l.changed = l.changed || p.total != l.total
	return l.add(p.tokens)
}

// whole reports whether the pages make up the list as it was at one time.
func (l *listing) whole() bool {
	return !l.changed && (l.pages == 1 || l.endless || l.total < 0 || l.total == len(l.tokens))
}

// following are the requests for the pages from the next one on, as many as may be under way. Only the
// first is made where the list does not say how long it is, or does not count its pages.
func (l *listing) following(next url.Values) []url.Values {
	queries := []url.Values{next}
	number, err := strconv.Atoi(next.Get("page"))
	if err != nil || l.total < 0 || number != l.pages+1 {
		return queries
	}
	for number++; len(queries) < atOnce && number <= (l.total+l.size-1)/l.size; number++ {
		query := maps.Clone(next)
		query.Set("page", strconv.Itoa(number))
		queries = append(queries, query)
	}
	return queries
}

// publicHost is how the service may name itself through a gateway, or as a mock server with the examples of its
// API reference.
const publicHost = "hub.docker.com"

// nextPage takes the query alone from the address of the next page: the request itself, and the bearer with it,
// goes where all requests go.
func (c *Client) nextPage(next string) (url.Values, error) {
	if next == "" {
		return nil, nil
	}
	u, err := url.Parse(next)
	if err != nil || u.Host != "" && u.Host != c.base.Host && u.Host != publicHost {
		return nil, fmt.Errorf("the next page is on another host: %w", ErrRedirect)
	}
	return u.Query(), nil
}
