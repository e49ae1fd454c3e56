//go:build linux

package secretstore_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/testbed"
)

// busThat is the address of a bus that serves every connection in this way and then closes it.
func busThat(t *testing.T, serve func(client net.Conn)) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sb") //nolint:usetesting // the paths of sockets are short
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "bus")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = listener.Close()
		_ = os.RemoveAll(dir)
	})
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = client.Close() }()
				serve(client)
			}()
		}
	}()
	return "unix:path=" + path
}

func TestBusThatIsNone(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"closes":           "",
		"rejects the user": "REJECTED EXTERNAL\r\n",
		"is a web server":  "HTTP/1.1 400 Bad Request\r\n\r\n",
		"sends garbage":    "OK 0123\r\n" + strings.Repeat("\xff", 100),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := busThat(t, func(client net.Conn) { _, _ = io.WriteString(client, answer) })
			wantAll(t, env("DBUS_SESSION_BUS_ADDRESS", address), secretstore.ErrUnavailable)
		})
	}
}

// between passes everything to a keyring, and what comes back as forward does it.
func between(t *testing.T, k *testbed.Keyring, forward func(client io.Writer, bus io.Reader)) func(string) string {
	t.Helper()
	path := strings.TrimPrefix(strings.Split(k.Getenv("DBUS_SESSION_BUS_ADDRESS"), ",")[0], "unix:path=")
	address := busThat(t, func(client net.Conn) {
		bus, err := net.Dial("unix", path)
		if err != nil {
			t.Error(err)
			return
		}
		go func() {
			_, _ = io.Copy(bus, client)
			_ = bus.Close()
		}()
		forward(client, bus)
	})
	return env("DBUS_SESSION_BUS_ADDRESS", address)
}

// The connection breaks after every byte that a real conversation has.
func TestConnectionThatBreaks(t *testing.T) {
	t.Parallel()
	k := testbed.KeyringFor(t)
	stored(t, k.Getenv)
	var left atomic.Int64
	getenv := between(t, k, func(client io.Writer, bus io.Reader) { _, _ = io.CopyN(client, bus, left.Load()) })
	ctx, cancel := context.WithTimeout(t.Context(), 2*bound)
	defer cancel()
	keychain := secretstore.NewKeychain(service, getenv)
	for name, call := range map[string]func() error{
		"Get": func() error { _, err := keychain.Get(ctx, "a.example"); return err },
		"Set": func() error { return keychain.Set(ctx, "a.example", "new") },
	} {
		n := int64(0)
		err := errors.New("not called yet")
		for ; err != nil && n < 4096; n++ {
			left.Store(n)
			if err = call(); err != nil {
				wantError(t, name, func() error { return err }, secretstore.ErrUnavailable)
			}
		}
		if n < 500 || err != nil {
			t.Errorf("%s after %d bytes = %v", name, n, err)
		}
	}
}

// A bus that falls silent in the middle.
func TestConnectionThatStalls(t *testing.T) {
	t.Parallel()
	k := testbed.KeyringFor(t)
	stored(t, k.Getenv)
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	for n := int64(0); n < 600; n += 50 {
		getenv := between(t, k, func(client io.Writer, bus io.Reader) {
			_, _ = io.CopyN(client, bus, n)
			<-ended
		})
		s, _ := boundedStore(t, getenv, 50*time.Millisecond)
		wantError(t, "Get", func() error { return holds(t.Context(), s, "s") }, secretstore.ErrTimeout)
	}
}

func TestConnectionInSingleBytes(t *testing.T) {
	t.Parallel()
	getenv := between(t, testbed.KeyringFor(t), func(client io.Writer, bus io.Reader) {
		var err error
		for b := make([]byte, 1); err == nil; {
			if _, err = bus.Read(b); err == nil {
				_, err = client.Write(b)
			}
		}
	})
	wantRoundTrip(t, getenv)
}
