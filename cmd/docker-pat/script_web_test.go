package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/sandbox/sandboxtest"
)

// testBrowser is a program that does what moby does in a browser, and leaves a file that says so.
func testBrowser() {
	err := sandboxtest.SignInOnPage(context.Background(), os.Args[len(os.Args)-1], "moby", "whale")
	_ = os.WriteFile("browsed", []byte(fmt.Sprint(err)), 0o600)
}

// decide waits until a sign-in on the web is waiting and decides about it: `decide approve moby`. With
// `decide look` it only waits.
func decide(ts *testscript.TestScript, hub *sandbox.Sandbox, args []string) {
	for tries := 0; len(hub.PendingDevices()) == 0; tries++ {
		if tries == 3000 {
			ts.Fatalf("nobody signs in")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if args[0] == "look" {
		return
	}
	username := ""
	if len(args) > 1 {
		username = args[1]
	}
	ts.Check(hub.Decide("", sandbox.Decision(args[0]), username))
}

// wantSessions compares the number of sessions of the web that an account has at the tenant.
func wantSessions(ts *testscript.TestScript, hub *sandbox.Sandbox, args []string) {
	if n := strconv.Itoa(hub.Sessions(args[0])); n != args[1] {
		ts.Fatalf("%s has %s sessions, want %s", args[0], n, args[1])
	}
}
