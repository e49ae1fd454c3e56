// Package sessionbus makes calls on a D-Bus session bus in as few round trips as the bus allows.
//
// A godbus connection takes five of them before its first call: it asks which ways to authenticate there
// are, authenticates, negotiates file descriptors, and waits for its name. Here, as in systemd's sd-bus,
// all of that is sent together with the first calls, and the answers are read when they are needed. The
// messages themselves are encoded and decoded by godbus.
//
// Source: https://dbus.freedesktop.org/doc/dbus-specification.html.
package sessionbus

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

// ErrNoBus says that there is no session bus at the address.
var ErrNoBus = errors.New("no D-Bus session bus")

// A Conn is one connection, for use by one goroutine. What goes wrong stays: later calls fail alike.
type Conn struct {
	conn    net.Conn
	in      *bufio.Reader
	out     bytes.Buffer // sent before the next read
	serial  uint32
	greeted bool // the answer to the authentication has been read
	replies map[uint32]*dbus.Message
	signals []*dbus.Message
	err     error
}

// A Call is a method call that has been sent, or will be with the next read.
type Call struct {
	conn   *Conn
	serial uint32
}

// Dial connects to the first address of a list that answers. It never starts a bus. Everything on the
// connection ends when ctx does.
func Dial(ctx context.Context, addresses string) (*Conn, error) {
	var errs []error
	for address := range strings.SplitSeq(addresses, ";") {
		path, err := socketOf(address)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		c := &Conn{conn: conn, in: bufio.NewReader(conn), replies: map[uint32]*dbus.Message{}}
		if deadline, ok := ctx.Deadline(); ok {
			c.err = conn.SetDeadline(deadline)
		}
		context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // ends a read that is under way
		c.greet()
		return c, nil
	}
	return nil, fmt.Errorf("%w: %w", ErrNoBus, errors.Join(errs...))
}

// socketOf reads one address: unix:path=/run/user/1000/bus,guid=…
func socketOf(address string) (string, error) {
	transport, rest, _ := strings.Cut(address, ":")
	if transport == "unix" {
		for pair := range strings.SplitSeq(rest, ",") {
			key, value, _ := strings.Cut(pair, "=")
			path, err := dbus.UnescapeBusAddressValue(value)
			switch {
			case err != nil:
				return "", fmt.Errorf("address %q: %w", address, err)
			case key == "path":
				return path, nil
			case key == "abstract":
				return "@" + path, nil
			}
		}
	}
	return "", fmt.Errorf("address %q names no unix socket", address)
}

// greet authenticates as this user and asks for a name, which every connection has to do first.
func (c *Conn) greet() {
	uid := hex.EncodeToString([]byte(strconv.Itoa(os.Geteuid())))
	c.out.WriteString("\x00AUTH EXTERNAL " + uid + "\r\nBEGIN\r\n")
	c.Go("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.Hello")
}

// Close ends the connection.
func (c *Conn) Close() error { return c.conn.Close() }

// Go queues a method call. method is interface and member, joined by a dot.
func (c *Conn) Go(destination string, path dbus.ObjectPath, method string, arguments ...any) Call {
	dot := strings.LastIndexByte(method, '.')
	headers := map[dbus.HeaderField]dbus.Variant{
		dbus.FieldDestination: dbus.MakeVariant(destination),
		dbus.FieldPath:        dbus.MakeVariant(path),
		dbus.FieldInterface:   dbus.MakeVariant(method[:dot]),
		dbus.FieldMember:      dbus.MakeVariant(method[dot+1:]),
	}
	if len(arguments) > 0 {
		headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(arguments...))
	}
	var message bytes.Buffer
	err := (&dbus.Message{Type: dbus.TypeMethodCall, Headers: headers, Body: arguments}).EncodeTo(&message, binary.LittleEndian)
	if err != nil {
		_ = c.fail(fmt.Errorf("call %s: %w", method, err)) // Store returns it
		return Call{conn: c}
	}
	c.serial++
	// godbus numbers messages on its own connections alone, so the number is put where it belongs: bytes
	// 8 to 11, after byte order, type, flags, version and length of the body.
	binary.LittleEndian.PutUint32(message.Bytes()[8:], c.serial)
	c.out.Write(message.Bytes())
	return Call{conn: c, serial: c.serial}
}

// Store waits for the reply and stores its values. An error that the other side returned is a
// dbus.Error.
func (r Call) Store(values ...any) error {
	for {
		if reply, ok := r.conn.replies[r.serial]; ok {
			delete(r.conn.replies, r.serial)
			if reply.Type == dbus.TypeError {
				name, _ := reply.Headers[dbus.FieldErrorName].Value().(string)
				return dbus.Error{Name: name, Body: reply.Body}
			}
			return dbus.Store(reply.Body, values...)
		}
		if err := r.conn.read(); err != nil {
			return err
		}
	}
}

// Signal waits for the next signal of this name from this path. A match rule must have been added.
func (c *Conn) Signal(path dbus.ObjectPath, name string) ([]any, error) {
	for {
		for len(c.signals) > 0 {
			s := c.signals[0]
			c.signals = c.signals[1:]
			from, _ := s.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
			iface, _ := s.Headers[dbus.FieldInterface].Value().(string)
			member, _ := s.Headers[dbus.FieldMember].Value().(string)
			if from == path && iface+"."+member == name {
				return s.Body, nil
			}
		}
		if err := c.read(); err != nil {
			return nil, err
		}
	}
}

// read sends what is queued and takes one message in.
func (c *Conn) read() error {
	if c.err != nil {
		return c.err
	}
	if _, err := c.out.WriteTo(c.conn); err != nil {
		return c.fail(err)
	}
	if !c.greeted {
		line, err := c.in.ReadSlice('\n') // of 4 KiB at most
		if err != nil {
			return c.fail(err)
		}
		if !bytes.HasPrefix(line, []byte("OK ")) {
			return c.fail(errors.New("the bus does not let this user in"))
		}
		c.greeted = true
	}
	message, err := dbus.DecodeMessage(c.in)
	if err != nil {
		return c.fail(err)
	}
	switch message.Type {
	case dbus.TypeMethodReply, dbus.TypeError:
		serial, _ := message.Headers[dbus.FieldReplySerial].Value().(uint32)
		c.replies[serial] = message
	case dbus.TypeSignal:
		c.signals = append(c.signals, message)
	}
	return nil
}

func (c *Conn) fail(err error) error {
	if c.err == nil {
		c.err = fmt.Errorf("session bus: %w", err)
	}
	return c.err
}
