package client_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/sandbox"
)

func TestClockOffset(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		status    int
		date, age string
		want      time.Duration
	}{
		"agrees":              {401, "Mon, 23 Nov 2026 12:00:00 GMT", "", 0},
		"behind":              {200, "Mon, 23 Nov 2026 12:05:00 GMT", "", -5 * time.Minute},
		"years ahead":         {500, "Mon, 23 Nov 2020 12:00:00 GMT", "", at.Sub(at.AddDate(-6, 0, 0))},
		"too many requests":   {429, "Mon, 23 Nov 2026 12:00:00 GMT", "", 0},
		"from a cache":        {200, "Mon, 23 Nov 2026 11:58:20 GMT", "100", 0},
		"an age that is none": {200, "Mon, 23 Nov 2026 12:00:00 GMT", "-5", 0},
		"an endless age":      {200, "Mon, 23 Nov 2026 12:00:00 GMT", "99999999999999999999", 0},
		"another form":        {200, "Monday, 23-Nov-26 12:00:00 GMT", "", 0},
	}
	for name, tt := range tests {
		server := record(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", tt.date)
			w.Header().Set("Age", tt.age)
			w.WriteHeader(tt.status)
		})
		got, err := newClient(t, server.URL, nil).ClockOffset(t.Context(), func() time.Time { return at })
		if err != nil || got != tt.want {
			t.Errorf("%s: %v, %v; want %v", name, got, err, tt.want)
		}
		if n := len(server.requests()); n != 1 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
}

// TestClockOffsetOfTheSandbox is measured in the middle of the request.
func TestClockOffsetOfTheSandbox(t *testing.T) {
	t.Parallel()
	h := startHub(t, nil)
	calls := 0
	ahead := func() time.Time { // by an hour less a second, then by an hour and a second
		calls++
		return time.Now().Truncate(time.Second).Add(time.Hour + time.Duration(2*calls-3)*time.Second)
	}
	got, err := h.client(t).ClockOffset(t.Context(), ahead)
	if err != nil || (got-time.Hour).Abs() > 30*time.Second {
		t.Errorf("%v, %v; want about an hour", got, err)
	}
	if n := h.count(http.MethodGet, sandbox.HubPath+"/v2/access-tokens"); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestClockOffsetFails(t *testing.T) {
	t.Parallel()
	silent := record(t, func(w http.ResponseWriter, _ *http.Request) { w.Header()["Date"] = nil })
	odd := record(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Date", "noon") })
	elsewhere := record(t, reply(200, "", ""))
	redirect := record(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusFound)
	})
	gone := record(t, nil)
	gone.Close()
	for name, tt := range map[string]struct {
		server *recorder
		want   error
	}{
		"no date": {silent, client.ErrNoTime}, "odd date": {odd, client.ErrNoTime},
		"redirect": {redirect, client.ErrRedirect}, "nobody there": {gone, client.ErrNotSent},
	} {
		_, err := newClient(t, tt.server.URL, nil).ClockOffset(t.Context(), time.Now)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if n := len(elsewhere.requests()); n != 0 {
		t.Errorf("%d requests arrived elsewhere", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newClient(t, odd.URL, nil).ClockOffset(ctx, time.Now); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// TestCertificateOfAnotherTime is what a clock that is years off sees, in either direction.
func TestCertificateOfAnotherTime(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, from := range map[string]time.Time{"past": now.AddDate(-2, 0, 0), "future": now.AddDate(1, 0, 0)} {
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate(t, from, from.AddDate(0, 6, 0))}}
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
		t.Cleanup(server.Close)
		_, err := newClient(t, server.URL, nil).ClockOffset(t.Context(), time.Now)
		if !errors.Is(err, client.ErrCertificateTime) || !errors.Is(err, client.ErrUnreachable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func certificate(t *testing.T, from, to time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
