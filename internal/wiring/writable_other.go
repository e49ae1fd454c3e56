//go:build !unix

package wiring

import (
	"errors"
	"os"
)

// writable tries it.
func writable(dir string) bool {
	f, err := os.CreateTemp(dir, ".docker-pat-*")
	if err != nil {
		return false
	}
	return errors.Join(f.Close(), os.Remove(f.Name())) == nil
}
