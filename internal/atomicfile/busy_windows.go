package atomicfile

import (
	"errors"
	"time"

	"golang.org/x/sys/windows"
)

// How often and how far apart WhenFree tries: three seconds in all. The pauses do not grow, for with many
// readers the moments at which there is none are short.
const (
	tries = 300
	pause = 10 * time.Millisecond
)

// WhenFree calls step again while another process is in its way. Windows replaces no file that somebody
// has open, and opens none that is being replaced, and says so in one of two ways. The first can mean a
// lack of rights as well, so there is an end to it.
func WhenFree(step func() error) error {
	for try := 1; ; try++ {
		err := step()
		inTheWay := errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_SHARING_VIOLATION)
		if !inTheWay || try == tries {
			return err
		}
		time.Sleep(pause)
	}
}
