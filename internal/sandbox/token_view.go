package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	defaultPageSize = 10  // Source: Docker Hub API reference
	maxPageSize     = 100 // no bound is documented; larger sizes are cut to this one
)

// A tokenView is a token as the Hub API shows it.
type tokenView struct {
	UUID        string          `json:"uuid"`
	ClientID    string          `json:"client_id"`
	CreatorIP   string          `json:"creator_ip"`
	CreatorUA   string          `json:"creator_ua"`
	CreatedAt   string          `json:"created_at"`
	LastUsed    *string         `json:"last_used"`
	GeneratedBy string          `json:"generated_by"`
	IsActive    bool            `json:"is_active"`
	Token       *string         `json:"token,omitempty"`
	TokenLabel  string          `json:"token_label"`
	Scopes      []scope         `json:"scopes"`
	ExpiresAt   json.RawMessage `json:"expires_at,omitempty"`
}

// view shows a token without its secret. The lock of the sandbox is held.
func (s *Sandbox) view(t *accessToken) tokenView {
	view := tokenView{
		UUID: t.id, ClientID: "HUB", CreatorIP: t.creatorIP, CreatorUA: t.creatorUser, CreatedAt: hubTime(t.createdAt),
		GeneratedBy: "manual", IsActive: t.active, TokenLabel: t.label, Scopes: t.scopes, ExpiresAt: s.expiryView(t),
	}
	if t.auto {
		view.GeneratedBy = "auto" // anything but "manual": the real word was not seen
	}
	if !t.lastUsed.IsZero() {
		used := hubTime(t.lastUsed)
		view.LastUsed = &used
	}
	switch s.opts.Redaction {
	case RedactEmpty:
		view.Token = new(string)
	case RedactStars:
		stars := "***"
		view.Token = &stars
	}
	return view
}

// expiryView is the expiry as it was sent, or what Options.NoExpiry asks for.
func (s *Sandbox) expiryView(t *accessToken) json.RawMessage {
	switch {
	case t.expiresText != "":
		return json.RawMessage(strconv.Quote(t.expiresText))
	case s.opts.NoExpiry == ExpiryNull:
		return json.RawMessage("null")
	}
	return nil
}

// hubTime writes a time as Hub does: UTC, always six digits of fraction.
func hubTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// A tokenPage is one page of tokens. Next and Previous are absolute URLs.
type tokenPage struct {
	Count       int         `json:"count"`
	Next        *string     `json:"next"`
	Previous    *string     `json:"previous"`
	ActiveCount int         `json:"active_count"`
	Results     []tokenView `json:"results"`
}

// listTokens imitates GET /v2/access-tokens, newest first. The order, the greatest page size and the
// 404 past the end are not documented; the last is what Hub's repository lists answer.
func (s *Sandbox) listTokens(w http.ResponseWriter, r *http.Request, owner *account) {
	asked, err := readPage(r)
	if err != nil {
		s.writeInvalid(w, err)
		return
	}
	page := tokenPage{Results: []tokenView{}}
	s.mu.Lock()
	now := s.now()
	page.Count = len(owner.tokens)
	for i := range owner.tokens {
		token := owner.tokens[page.Count-1-i]
		if token.active && !token.expired(now) {
			page.ActiveCount++
		}
		if asked.holds(i) {
			page.Results = append(page.Results, s.view(token))
		}
	}
	s.mu.Unlock()
	if !asked.exists(page.Count) {
		writeNotFound(w)
		return
	}
	page.Next, page.Previous = asked.links(r, page.Count)
	writeJSON(w, http.StatusOK, page)
}

// A pageRange is the page that a request asks for, counted from 1, and its size.
type pageRange struct{ number, size int }

func readPage(r *http.Request) (pageRange, error) {
	number, err := positive(r, "page", 1)
	if err != nil {
		return pageRange{}, err
	}
	size, err := positive(r, "page_size", defaultPageSize)
	return pageRange{number, min(size, maxPageSize)}, err
}

// holds reports whether the entry with that index, counted from 0, is on the page.
func (p pageRange) holds(i int) bool { return i >= (p.number-1)*p.size && i < p.number*p.size }

// exists reports whether there is such a page among so many entries. The first one always is.
func (p pageRange) exists(total int) bool {
	return p.number == 1 || p.number <= (total+p.size-1)/p.size
}

// links are the URLs of the pages after and before this one, where there are any.
func (p pageRange) links(r *http.Request, total int) (next, previous *string) {
	if p.number*p.size < total {
		next = pageURL(r, p.number+1, p.size)
	}
	if p.number > 1 {
		previous = pageURL(r, p.number-1, p.size)
	}
	return next, previous
}

// positive reads a whole number from the query.
func positive(r *http.Request, name string, preset int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return preset, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, &fieldError{name, fmt.Sprintf("%.20q is not a whole number over zero", text)}
	}
	return n, nil
}

// pageURL is the URL of another page, at the host and path that the client asked.
func pageURL(r *http.Request, number, size int) *string {
	query := url.Values{"page": {strconv.Itoa(number)}, "page_size": {strconv.Itoa(size)}}
	path := r.URL.Path
	if asDockerHub(r) {
		path = strings.TrimPrefix(path, HubPath)
	}
	text := origin(r) + path + "?" + query.Encode()
	return &text
}

// origin is the scheme and host by which the client reached us, so that a client which asks for
// localhost is sent to localhost.
func origin(r *http.Request) string {
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
