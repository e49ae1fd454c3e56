package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/docker-pat/docker-pat/internal/sandbox"
)

const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	stopTimeout   = 2 * time.Second // for requests under way; then they are cut off
)

// serve listens, says where, and answers until ctx ends.
func serve(ctx context.Context, addr string, hub *sandbox.Sandbox, stdout, stderr io.Writer) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{
		Handler:           hub.Handler(),
		ReadHeaderTimeout: headerTimeout, // no limit on the whole request: a layer may take its time
		IdleTimeout:       idleTimeout,
		ErrorLog:          log.New(stderr, "hub-sandbox: ", 0),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	_, _ = fmt.Fprintf(stderr, "hub-sandbox: listening on %s; interrupt to stop\n", listener.Addr())
	if err := announce(stdout, hub.Environment(listener.Addr().String())); err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	return stop(server)
}

// announce writes the settings as a shell reads them. No value needs quoting: they are URLs and ports.
func announce(w io.Writer, settings []string) error {
	for _, setting := range settings {
		if _, err := fmt.Fprintln(w, "export "+setting); err != nil {
			return fmt.Errorf("write the settings: %w", err)
		}
	}
	return nil
}

// stop lets requests under way finish for a moment, then cuts them off.
func stop(server *http.Server) error {
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
