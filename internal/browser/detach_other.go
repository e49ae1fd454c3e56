//go:build !unix

package browser

import "os/exec"

// detach has nothing to do: what is started here has no console.
func detach(*exec.Cmd) {}
