// Package testbed starts the real components that the tests, the demonstration and the benchmark
// work with: a keychain on a session bus of its own, a Docker engine of its own. Everything lives in
// a scratch folder, speaks on sockets there or on loopback, and ends with the process that started it.
package testbed

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// ErrMissing says that a program which has to be installed first is not there.
var ErrMissing = errors.New("not installed")

// Need ends the test when err is not nil. A component that is not installed skips the test on a
// developer's machine and fails it where CI=true, so that nothing is counted as tested that was not.
func Need(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, ErrMissing) && os.Getenv("CI") != "true":
		t.Skipf("%v: `make deps` installs it on Debian and Ubuntu", err)
	default:
		t.Fatal(err)
	}
}

// find returns the path of a program, or ErrMissing.
func find(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return "", fmt.Errorf("%s: %w", program, ErrMissing)
	}
	return path, nil
}

// scratch makes a short-named folder: the paths of unix sockets may hold 107 bytes only.
func scratch() (string, error) { return os.MkdirTemp("", "dp") }
