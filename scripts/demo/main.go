// Command demo plays the main story of docker-pat on real components: a keychain, a Docker engine
// where there is one, and a Docker Hub on this machine. Everything lives in scratch folders. It shows
// each command with what it printed, checks every outcome, and fails when one is not as told.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	bin, err := filepath.Abs("bin")
	if err == nil {
		err = run(ctx, bin)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "\ndemo: not as told:", err)
		os.Exit(1)
	}
	fmt.Println("\nEvery outcome was as told.")
}

func run(ctx context.Context, bin string) (err error) {
	s, err := newStage(ctx, bin)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	images, err := s.imageTool(ctx)
	if err != nil {
		return err
	}
	return story(s, images)
}

// story is what the README promises, told by the programs themselves.
func story(s *stage, images imageTool) error {
	s.title("Sign in once. The password comes from standard input here; on a terminal it is asked for.")
	s.expect(0, "Signed in as moby", feed("whale\n"), "docker-pat", "login", "-u", "moby", "--password-stdin")

	s.title("Make a token for this machine. Its secret goes to the keychain and is shown to nobody.")
	s.expect(0, "Created laptop", nil, "docker-pat", "create", "laptop", "--scope", "repo:write", "--expires", "30d")

	s.title("Tell Docker to take its credentials from there.")
	s.expect(0, "Docker takes its credentials from here now", nil, "docker-pat", "setup")
	s.expect(0, `"credsStore": "pat"`, nil, "cat", filepath.Join(s.dockerConfig, "config.json"))
	s.nowhere()

	s.title("Docker uses the token in place of a password.")
	images.login(s, true)
	images.push(s, true)
	images.pull(s, true)
	s.expect(0, "laptop", nil, "docker-pat", "list")

	s.title("Switch the token off: Docker is shut out at once. Switch it on: it is back.")
	s.expect(0, "is inactive now", nil, "docker-pat", "deactivate", "laptop")
	images.pull(s, false)
	s.expect(0, "is active now", nil, "docker-pat", "activate", "laptop")
	images.pull(s, true)

	s.title("Rotate it: the expiry of a token cannot be changed, so another takes its place, and the old one ends.")
	s.expect(0, "Rotated laptop", nil, "docker-pat", "rotate", "--expires", "60d")
	images.pull(s, true)

	s.title("A token for one command alone, which ends with it.")
	s.expect(0, "(exec docker-pat)", nil, "docker-pat", "exec", "--scope", "repo:read", "--", "docker-pat", "list")

	s.title("A token that may only read cannot push. It takes the place of the one before.")
	s.expect(0, "Created reader", nil, "docker-pat", "create", "reader", "--scope", "repo:read", "--expires", "1h")
	images.pull(s, true)
	images.push(s, false)

	s.title("Delete the token: nobody gets in with it any more.")
	s.expect(0, "Deleted reader", nil, "docker-pat", "delete", "--yes", "reader")
	images.pull(s, false)
	images.login(s, false)
	s.expect(0, "0 active, 0 inactive, 0 expired", nil, "docker-pat", "list")

	s.title("Put Docker back as it was, and sign out.")
	s.expect(0, "Docker is as it was before", nil, "docker-pat", "setup", "--undo")
	s.expect(0, "Signed out", nil, "docker-pat", "logout")
	return s.err
}
