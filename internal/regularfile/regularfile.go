// Package regularfile reads small files that somebody else may have put something else in the place of:
// a pipe, a device, a folder, a file without end, a link to where nothing answers. Reading one of those
// is an error and no wait.
package regularfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/docker-pat/docker-pat/internal/atomicfile"
)

// What can be wrong with a file, besides what the system says of it.
var (
	// ErrNotRegular: the path leads to something other than a file.
	ErrNotRegular = errors.New("not a regular file")
	// ErrTooLarge: it is larger than its reader takes.
	ErrTooLarge = errors.New("too large")
	// ErrNoAnswer: the file system that it lies on did not answer in time.
	ErrNoAnswer = errors.New("the file system does not answer")
)

// patience is for a file system that was asleep. One that is dead never answers.
const patience = 5 * time.Second

// Read returns the content of the file at path, after links are followed, if it has at most limit bytes.
// It ends when ctx does, and after 5 s in any case. Every error is a *fs.PathError, around ErrNotRegular,
// ErrTooLarge, ErrNoAnswer, the error of a ctx that was cancelled, or what the system says.
func Read(ctx context.Context, path string, limit int64) ([]byte, error) {
	data, err := within(ctx, func() (data []byte, err error) {
		err = atomicfile.WhenFree(func() error {
			data, err = read(path, limit)
			return err
		})
		return data, err
	})
	if err == nil || errors.As(err, new(*fs.PathError)) {
		return data, err
	}
	return nil, &fs.PathError{Op: "read", Path: path, Err: err}
}

func read(path string, limit int64) ([]byte, error) {
	// A device may do something when it is opened, so it is not opened to be told apart.
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil, or(err, ErrNotRegular)
	}
	file, err := os.OpenFile(path, os.O_RDONLY|noWait, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // read only
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, or(err, ErrNotRegular) // it was another one a moment ago
	}
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, fmt.Errorf("%w: more than %d KiB", ErrTooLarge, limit>>10)
	}
	return data, err
}

func or(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// within gives up on a system call that does not return. What is given up on goes on in its goroutine.
func within(ctx context.Context, call func() ([]byte, error)) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		data, err := call()
		done <- result{data, err}
	}()
	select {
	case r := <-done:
		return r.data, r.err
	case <-ctx.Done():
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, ErrNoAnswer
	}
	return nil, ctx.Err()
}
