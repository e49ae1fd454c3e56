package testbed

import (
	"bufio"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
)

const terminate = syscall.SIGTERM

// endsWithParent makes the kernel end a daemon when we die without having stopped it.
func endsWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: terminate} }

// interruptedWithParent does the same to one that cleans up after an interrupt alone.
func interruptedWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT}
}

// unmountBelow unmounts what is mounted on a folder or below it, the last first.
func unmountBelow(dir string) error {
	mounts, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	defer func() { _ = mounts.Close() }() // read only
	var points []string
	lines := bufio.NewScanner(mounts)
	for lines.Scan() {
		// proc(5): the fifth field is the mount point; there are no blanks in ours to be escaped.
		if fields := strings.Fields(lines.Text()); len(fields) > 4 && strings.HasPrefix(fields[4]+"/", dir+"/") {
			points = append(points, fields[4])
		}
	}
	errs := []error{lines.Err()}
	for _, point := range slices.Backward(points) {
		errs = append(errs, syscall.Unmount(point, syscall.MNT_DETACH))
	}
	return errors.Join(errs...)
}
