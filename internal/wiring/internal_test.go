//go:build unix

package wiring

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// program makes a credential helper and returns its name, which is a path below PATH's folder.
func program(t *testing.T, dir, name, script string) {
	t.Helper()
	path := filepath.Join(dir, "docker-credential-"+name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

// TestHangingHelper is given up on, also when what it has started lives on with its output open. It is
// not parallel: PATH belongs to the process.
func TestHangingHelper(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	program(t, dir, "hanging", `(/bin/sleep 8; : > "$0.done") & wait`)
	o := otherHelper{name: "hanging", timeout: 100 * time.Millisecond}
	names, err := o.list(t.Context())
	if names != nil || !errors.Is(err, errNoAnswer) {
		t.Errorf("list = %v, %v; want %v", names, err, errNoAnswer)
	}
	start := time.Now()
	if _, _, err := o.get(t.Context(), hubKey); !errors.Is(err, errNoAnswer) || time.Since(start) >= o.timeout {
		t.Errorf("one that does not answer was waited for again, for %v: %v", time.Since(start), err)
	}
	o.silent = false
	username, text, err := o.get(t.Context(), hubKey)
	if username != "" || !text.IsZero() || !errors.Is(err, errNoAnswer) {
		t.Errorf("get = %v, %v, %v; want %v", username, text, err, errNoAnswer)
	}
	if _, err := os.Stat(filepath.Join(dir, "docker-credential-hanging.done")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the wait ended with the child: %v", err)
	}
}

// TestDefaultStore is not parallel: PATH belongs to the process.
func TestDefaultStore(t *testing.T) {
	tests := []struct {
		goos      string
		installed []string
		want      string
	}{
		{"linux", nil, ""},
		{"linux", []string{"docker-credential-secretservice"}, "secretservice"},
		{"linux", []string{"docker-credential-secretservice", "docker-credential-pass"}, "secretservice"},
		{"linux", []string{"docker-credential-pass", "pass"}, "pass"},
		{"linux", []string{"docker-credential-secretservice", "pass"}, ""},
		{"darwin", []string{"docker-credential-osxkeychain", "docker-credential-pass", "pass"}, "osxkeychain"},
		{"windows", []string{"docker-credential-wincred"}, "wincred"},
		{"plan9", []string{"docker-credential-"}, ""},
	}
	for _, tt := range tests {
		dir := t.TempDir()
		t.Setenv("PATH", dir)
		for _, name := range tt.installed {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if got := defaultStore(tt.goos); got != tt.want {
			t.Errorf("defaultStore(%q) with %q = %q, want %q", tt.goos, tt.installed, got, tt.want)
		}
	}
}
