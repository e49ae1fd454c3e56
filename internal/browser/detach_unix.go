//go:build unix

package browser

import (
	"os/exec"
	"syscall"
)

// detach keeps Ctrl-C and the end of the terminal from the browser.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
