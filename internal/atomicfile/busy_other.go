//go:build !windows

package atomicfile

// WhenFree calls step: here no process is in the way of another.
func WhenFree(step func() error) error { return step() }
