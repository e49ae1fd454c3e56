package sessionbus_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/docker-pat/docker-pat/internal/sessionbus"
)

// A bus is the other side of one connection, as a test wants it.
type bus struct {
	net.Conn
	in *bufio.Reader
}

// listen runs serve for the first connection and returns the address of the bus.
func listen(t *testing.T, serve func(bus)) string {
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
	done := make(chan struct{})
	go func() {
		defer close(done)
		if conn, err := listener.Accept(); err == nil {
			defer func() { _ = conn.Close() }()
			serve(bus{conn, bufio.NewReader(conn)})
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
		_ = os.RemoveAll(dir)
	})
	return "unix:path=" + path + ",guid=0123"
}

// admit reads the authentication and lets the client in. It reports whether that went well.
func (b bus) admit() bool {
	auth, err := b.in.ReadString('\n')
	begin, err2 := b.in.ReadString('\n')
	ok := errors.Join(err, err2) == nil && strings.HasPrefix(auth, "\x00AUTH EXTERNAL 3") && begin == "BEGIN\r\n"
	if ok {
		_, err = io.WriteString(b, "OK 0123456789abcdef\r\n")
	}
	return ok && err == nil
}

// call reads a message and returns its serial and member.
func (b bus) call() (serial uint32, member string) {
	m, err := dbus.DecodeMessage(b.in)
	if err != nil {
		return 0, ""
	}
	member, _ = m.Headers[dbus.FieldMember].Value().(string)
	return m.Serial(), member
}

// message encodes a message of the bus.
func message(kind dbus.Type, headers map[dbus.HeaderField]dbus.Variant, body ...any) []byte {
	if len(body) > 0 {
		headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(body...))
	}
	var out bytes.Buffer
	if err := (&dbus.Message{Type: kind, Headers: headers, Body: body}).EncodeTo(&out, binary.BigEndian); err != nil {
		panic(err)
	}
	binary.BigEndian.PutUint32(out.Bytes()[8:], 1) // a serial must not be 0
	return out.Bytes()
}

func reply(serial uint32, body ...any) []byte {
	return message(dbus.TypeMethodReply, map[dbus.HeaderField]dbus.Variant{dbus.FieldReplySerial: dbus.MakeVariant(serial)}, body...)
}

func failure(serial uint32, name, text string) []byte {
	return message(dbus.TypeError, map[dbus.HeaderField]dbus.Variant{
		dbus.FieldReplySerial: dbus.MakeVariant(serial), dbus.FieldErrorName: dbus.MakeVariant(name),
	}, text)
}

func signal(path dbus.ObjectPath, iface, member string, body ...any) []byte {
	return message(dbus.TypeSignal, map[dbus.HeaderField]dbus.Variant{
		dbus.FieldPath: dbus.MakeVariant(path), dbus.FieldInterface: dbus.MakeVariant(iface), dbus.FieldMember: dbus.MakeVariant(member),
	}, body...)
}

func dial(t *testing.T, address string) *sessionbus.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	t.Cleanup(cancel)
	c, err := sessionbus.Dial(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Replies come in any order, in single bytes, with signals and messages of others in between.
func TestRepliesInAnyOrder(t *testing.T) {
	t.Parallel()
	address := listen(t, func(b bus) {
		if !b.admit() {
			return
		}
		var serials []uint32
		for range 4 { // Hello and three calls, all before the first answer
			serial, _ := b.call()
			serials = append(serials, serial)
		}
		var out []byte
		out = append(out, signal("/x", "a.b", "Noise", "n")...)
		out = append(out, reply(serials[3], "third")...)
		out = append(out, reply(999, "nobody asked")...)
		out = append(out, failure(serials[2], "org.example.No", "not today")...)
		out = append(out, reply(serials[0], ":1.7")...)
		out = append(out, signal("/p", "a.b", "Done", true, "result")...)
		out = append(out, reply(serials[1], "first", uint32(7))...)
		for i := range out {
			if _, err := b.Write(out[i : i+1]); err != nil {
				return
			}
		}
	})
	c := dial(t, address)
	first := c.Go("org.example", "/", "org.example.First", "argument", map[string]string{"k": "v"})
	second := c.Go("org.example", "/", "org.example.Second")
	third := c.Go("org.example", "/", "org.example.Third")
	var text string
	var number uint32
	if err := first.Store(&text, &number); err != nil || text != "first" || number != 7 {
		t.Errorf("first = %q, %d, %v", text, number, err)
	}
	var refused dbus.Error
	if err := second.Store(&text); !errors.As(err, &refused) || refused.Name != "org.example.No" {
		t.Errorf("second = %v, want org.example.No", err)
	}
	if err := third.Store(&text); err != nil || text != "third" {
		t.Errorf("third = %q, %v", text, err)
	}
	if body, err := c.Signal("/p", "a.b.Done"); err != nil || len(body) != 2 || body[0] != true || body[1] != "result" {
		t.Errorf("Signal = %v, %v", body, err)
	}
}

// Whatever the bus does, a call ends with an error and does not hang.
func TestBusThatMisbehaves(t *testing.T) {
	t.Parallel()
	half := reply(2, strings.Repeat("x", 100))[:40]
	tests := map[string]struct {
		serve func(bus)
		want  string
	}{
		"closes at once":          {func(bus) {}, "session bus: "},
		"rejects this user":       {func(b bus) { _, _ = io.WriteString(b, "REJECTED EXTERNAL\r\n"); _, _ = b.call() }, "does not let this user in"},
		"speaks something else":   {func(b bus) { _, _ = io.WriteString(b, "HTTP/1.1 400 Bad Request\r\n\r\n"); _, _ = b.call() }, "does not let this user in"},
		"closes after letting in": {func(b bus) { b.admit() }, "session bus: "},
		"sends half a message":    {func(b bus) { b.admit(); _, _ = b.Write(half) }, "session bus: "},
		"sends garbage":           {func(b bus) { b.admit(); _, _ = b.Write(bytes.Repeat([]byte{0xff}, 64)); _, _ = b.call() }, "session bus: "},
		"claims a message of 4 GiB": {func(b bus) {
			b.admit()
			_, _ = b.Write([]byte("l\x02\x01\x01\xff\xff\xff\xff\x01\x00\x00\x00\xff\xff\xff\xff"))
		}, "session bus: "},
		"answers with another type":  {func(b bus) { b.admit(); b.call(); s, _ := b.call(); _, _ = b.Write(reply(s, []string{"x"})) }, ""},
		"answers with too few parts": {func(b bus) { b.admit(); b.call(); s, _ := b.call(); _, _ = b.Write(reply(s)) }, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, listen(t, tt.serve))
			var text string
			if err := c.Go("org.example", "/", "org.example.Call").Store(&text); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Store = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestSilentBusEndsWithTheContext(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func() (context.Context, context.CancelFunc){
		"deadline": func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), 50*time.Millisecond)
		},
		"cancelled": func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(50*time.Millisecond, cancel)
			return ctx, cancel
		},
	} {
		released := make(chan struct{})
		ctx, cancel := end()
		c, err := sessionbus.Dial(ctx, listen(t, func(b bus) { b.admit(); <-released }))
		if err != nil {
			t.Fatal(err)
		}
		err = c.Go("org.example", "/", "org.example.Call").Store()
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: Store = %v, want a deadline", name, err)
		}
		if _, again := c.Signal("/", "a.b"); !errors.Is(again, os.ErrDeadlineExceeded) {
			t.Errorf("%s: Signal after that = %v, want the same", name, again)
		}
		close(released)
		cancel()
		_ = c.Close()
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	good := listen(t, func(bus) {})
	for _, address := range []string{
		"", "nonsense", "unix:", "unix:path=" + filepath.Join(t.TempDir(), "none"), "tcp:host=127.0.0.1,port=1",
		"unix:path=%zz", "autolaunch:", "unix:abstract=docker-pat-nobody-listens-here",
	} {
		if c, err := sessionbus.Dial(t.Context(), address); !errors.Is(err, sessionbus.ErrNoBus) {
			t.Errorf("Dial(%q) = %v, %v; want ErrNoBus", address, c, err)
		}
	}
	c, err := sessionbus.Dial(t.Context(), "tcp:host=localhost;"+good) // the first that answers
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}

// FuzzReplies feeds what a bus may send.
func FuzzReplies(f *testing.F) {
	f.Add([]byte("OK 1\r\n"))
	f.Add(append([]byte("OK 1\r\n"), reply(2, "text")...))
	f.Add(append([]byte("OK 1\r\n"), failure(2, "org.example.No", "text")...))
	f.Add(append([]byte("OK 1\r\n"), signal("/p", "a.b", "C", map[string]dbus.Variant{"x": dbus.MakeVariant([]string{"y"})})...))
	f.Add([]byte("REJECTED\r\n"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		c := dial(t, listen(t, func(b bus) {
			_, _ = b.Write(sent)
			_, _ = b.in.ReadString('\n')
		}))
		var text string
		if err := c.Go("org.example", "/", "org.example.Call").Store(&text); err == nil && !bytes.HasPrefix(sent, []byte("OK ")) {
			t.Errorf("answered %q without being let in", text)
		}
	})
}
