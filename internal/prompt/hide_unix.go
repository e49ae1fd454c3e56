//go:build unix

package prompt

import (
	"os"

	"golang.org/x/sys/unix"
)

// hide makes the terminal show nothing of what is typed. Lines and Ctrl-C go on as before.
func hide(terminal *os.File) (restore func() error, err error) {
	return change(terminal, func(mode *unix.Termios) {
		mode.Lflag &^= unix.ECHO
		mode.Lflag |= unix.ICANON | unix.ISIG
		mode.Iflag |= unix.ICRNL
	})
}

// singleKeys makes the terminal hand over every key at once, Ctrl-C among them, and show none. survey does
// so itself, but only after its question is there: a Ctrl-C in between would be lost.
func singleKeys(terminal *os.File) (restore func() error, err error) {
	return change(terminal, func(mode *unix.Termios) {
		mode.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG
		mode.Cc[unix.VMIN], mode.Cc[unix.VTIME] = 1, 0
	})
}

func change(terminal *os.File, how func(*unix.Termios)) (restore func() error, err error) {
	fd := int(terminal.Fd())
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return nil, err
	}
	changed := *before
	how(&changed)
	if err := unix.IoctlSetTermios(fd, setTermios, &changed); err != nil {
		return nil, err
	}
	return func() error { return unix.IoctlSetTermios(fd, setTermios, before) }, nil
}
