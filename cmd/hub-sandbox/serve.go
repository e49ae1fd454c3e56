package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"
)

const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	stopTimeout   = 2 * time.Second // for requests under way; then they are cut off
)

// A hub is what is served, and knows the settings that point programs at it.
type hub interface {
	http.Handler
	Environment(addr string) []string
}

// serve listens, says where, and answers until ctx ends.
func serve(ctx context.Context, sys system, addr string, h hub) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout, // no limit on the whole request: a layer may take its time
		IdleTimeout:       idleTimeout,
		ErrorLog:          sys.errorLog(),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	_, _ = fmt.Fprintf(sys.Err, "hub-sandbox: listening on %s; interrupt to stop\n", listener.Addr())
	if err := announce(sys.Out, h.Environment(listener.Addr().String())); err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	return stop(server)
}

// announce writes the settings as a shell reads them: a variable without a value is to be unset.
func announce(w io.Writer, settings []string) error {
	var unset, export strings.Builder
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		if value == "" {
			unset.WriteString(" " + name)
		} else {
			export.WriteString("export " + name + "=" + quote(value) + "\n")
		}
	}
	text := export.String()
	if unset.Len() > 0 {
		text = "unset" + unset.String() + "\n" + text
	}
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	return nil
}

// plain is what a shell takes as it stands.
var plain = regexp.MustCompile(`^[A-Za-z0-9_./:@%+-]+$`)

func quote(value string) string {
	if plain.MatchString(value) {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}

// A stopper can be stopped gently and at once.
type stopper interface {
	Shutdown(ctx context.Context) error
	Close() error
}

// stop lets requests under way finish for a moment, then cuts them off.
func stop(server stopper) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	if err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}
