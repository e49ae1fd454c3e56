package regularfile

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		path  string
		limit int64
		want  error
	}{
		"whole":     {path, 5, nil},
		"too large": {path, 4, ErrTooLarge},
		"missing":   {path + "x", 5, fs.ErrNotExist},
		"folder":    {dir, 5, ErrNotRegular},
	}
	for name, tt := range tests {
		data, err := Read(t.Context(), tt.path, tt.limit)
		if !errors.Is(err, tt.want) || err == nil && string(data) != "12345" || err != nil && data != nil {
			t.Errorf("%s: %q, %v; want %v", name, data, err, tt.want)
		}
		if err != nil && (!errors.As(err, new(*fs.PathError)) || strings.Count(err.Error(), tt.path) != 1) {
			t.Errorf("%s: %v should name the path once", name, err)
		}
	}
}

// TestFileSystemThatDoesNotAnswer is a call that does not return.
func TestFileSystemThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		dead := func() ([]byte, error) { <-release; return nil, nil }
		start := time.Now()
		if _, err := within(t.Context(), dead); !errors.Is(err, ErrNoAnswer) || time.Since(start) != patience {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		short, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		start = time.Now()
		if _, err := within(short, dead); !errors.Is(err, ErrNoAnswer) || time.Since(start) != time.Second {
			t.Errorf("with a deadline, after %v: %v", time.Since(start), err)
		}
		interrupted, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := within(interrupted, dead); !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted: %v", err)
		}
		close(release)
	})
}
