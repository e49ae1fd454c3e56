// Command with-keyring runs a command with an unlocked, empty gnome-keyring on a session bus of its
// own. Both end with the command.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/docker-pat/docker-pat/internal/testbed"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: with-keyring COMMAND [ARG...]")
		os.Exit(2)
	}
	os.Exit(run(context.Background(), os.Args[1:]))
}

func run(ctx context.Context, args []string) int {
	keyring, err := testbed.StartKeyring(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "with-keyring:", err)
		return 1
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), keyring.Env()...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = errors.Join(cmd.Run(), keyring.Stop())
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "with-keyring:", err)
		return 1
	}
	return 0
}
