package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// composeVersion is the newest of Compose v2; v3 is another module.
const composeVersion = "v2.40.2"

// Compose returns the path of the plugin docker-compose. It is built from its modules, which takes about
// two minutes with an empty build cache, and then kept in the user's cache folder.
func Compose(ctx context.Context) (string, error) {
	return builtTool(ctx, "docker-compose", "github.com/docker/compose/v2/cmd", composeVersion)
}

// builtTool builds a program that refuses `go install`: its go.mod replaces or excludes modules, which
// counts for nothing in a module that merely requires it. ErrMissing says that it could not be had.
func builtTool(ctx context.Context, name, pkg, version string) (path string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "docker-pat-testbed", name+"-"+version)
	path = filepath.Join(dir, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(dir, "build")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if err := os.WriteFile(filepath.Join(work, "go.mod"), []byte("module tool\n\ngo 1.25\n"), 0o600); err != nil {
		return "", err
	}
	for _, args := range [][]string{
		{"get", "-tool", pkg + "@" + version},
		{"build", "-trimpath", "-ldflags", "-s -w", "-o", name, pkg},
	} {
		cmd := exec.CommandContext(ctx, "nice", append([]string{"go"}, args...)...) // other tests run meanwhile
		cmd.Dir, cmd.Env = work, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build %s: %w: %w\n%s", name, ErrMissing, err, out)
		}
	}
	return path, os.Rename(filepath.Join(work, name), path) // another process may have done the same
}
