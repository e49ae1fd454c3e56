// Hub-sandbox runs an emulated Docker Hub on this machine, to try docker-pat on without an account.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() { os.Exit(realMain()) }

func realMain() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, system{Out: os.Stdout, Err: os.Stderr, Env: os.Getenv, Now: time.Now}, os.Args[1:])
}
