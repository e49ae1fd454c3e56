package atomicfile

import (
	"errors"
	"time"

	"golang.org/x/sys/windows"
)

// WhenFree calls step again while another process is in its way. Windows replaces no file that somebody
// has open, and opens none that is being replaced, and says so in one of two ways. The first can mean a
// lack of rights as well, so it gives up after a second.
func WhenFree(step func() error) error {
	for pause := time.Millisecond; ; pause *= 2 {
		err := step()
		inTheWay := errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_SHARING_VIOLATION)
		if !inTheWay || pause > time.Second {
			return err
		}
		time.Sleep(pause)
	}
}
