// Command docker-credential-pat is a Docker credential helper that keeps credentials in the keychain of
// the system. It is what docker-pat does under that name, without all that the helper does not need:
// Docker starts it before every pull and push.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/docker-pat/docker-pat/internal/helper"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := helper.System{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Getenv, Now: time.Now}.Run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
