package sessionbus_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/docker-pat/docker-pat/internal/sessionbus"
)

// A bus that never stops talking, and never of what was asked.
func TestEndlessTalkEndsWithTheContext(t *testing.T) {
	t.Parallel()
	noise := bytes.Repeat(append(signal("/x", "a.b", "Noise", "n"), reply(999, "nobody asked")...), 100)
	address := listen(t, func(b bus) {
		for ok := b.admit(); ok; {
			_, err := b.Write(noise)
			ok = err == nil
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	c, err := sessionbus.Dial(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.Go("org.example", "/", "org.example.Call").Store(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Store = %v, want a deadline", err)
	}
}

// A line that does not end is not read to its end.
func TestEndlessGreeting(t *testing.T) {
	t.Parallel()
	c := dial(t, listen(t, func(b bus) {
		for err := error(nil); err == nil; {
			_, err = b.Write(bytes.Repeat([]byte("x"), 1<<10))
		}
	}))
	if err := c.Go("org.example", "/", "org.example.Call").Store(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Store = %v, want an error at once", err)
	}
}

// The bus closes after every byte of a conversation: a call ends with an error of the connection, or with
// the answer once that has come whole.
func TestBusThatClosesAnywhere(t *testing.T) {
	t.Parallel()
	var sent []byte
	sent = append(sent, "OK 0123\r\n"...)
	sent = append(sent, reply(1, ":1.7")...)
	sent = append(sent, signal("/x", "a.b", "Noise", map[string]dbus.Variant{"k": dbus.MakeVariant([]string{"v"})})...)
	sent = append(sent, reply(2, "text")...)
	for n := range len(sent) + 1 {
		c := dial(t, listen(t, func(b bus) {
			_, _ = b.Write(sent[:n])
			for range 2 { // the client has written all that it will
				_, _ = b.in.ReadString('\n')
			}
		}))
		var text string
		switch err := c.Go("org.example", "/", "org.example.Call").Store(&text); {
		case n == len(sent):
			if err != nil || text != "text" {
				t.Errorf("Store = %q, %v", text, err)
			}
		case err == nil || errors.Is(err, os.ErrDeadlineExceeded):
			t.Errorf("Store after %d of %d bytes = %q, %v", n, len(sent), text, err)
		}
	}
}

// FuzzConversation feeds what a bus may send to somebody it has let in, in pieces of any size.
func FuzzConversation(f *testing.F) {
	f.Add([]byte{}, byte(1))
	f.Add(append(reply(1, ":1.7"), reply(2, "text")...), byte(3))
	f.Add(failure(2, "org.example.No", "text"), byte(0))
	f.Add(signal("/p", "a.b", "Done", true, dbus.MakeVariant([]string{"y"})), byte(16))
	f.Add(reply(2, map[string]dbus.Variant{"x": dbus.MakeVariant([]dbus.ObjectPath{"/y"})}, []byte("z")), byte(7))
	f.Fuzz(func(t *testing.T, sent []byte, size byte) {
		c := dial(t, listen(t, func(b bus) {
			if !b.admit() {
				return
			}
			for rest := sent; len(rest) > 0; {
				n := min(len(rest), int(size)+1)
				if _, err := b.Write(rest[:n]); err != nil {
					return
				}
				rest = rest[n:]
			}
		}))
		var text string
		stored := c.Go("org.example", "/", "org.example.Call").Store(&text)
		_, signalled := c.Signal("/p", "a.b.Done")
		for _, err := range []error{stored, signalled} {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("it waited for more than the bus said: %v", err)
			}
		}
	})
}
