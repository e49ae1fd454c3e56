package testbed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// composeVersion is the newest of Compose v2; v3 is another module.
const composeVersion = "v2.40.2"

// Compose returns the path of the plugin docker-compose. It is built from its modules, which takes about
// two minutes with an empty build cache, and then kept in the user's cache folder.
func Compose(ctx context.Context) (string, error) {
	return builtTool(ctx, "docker-compose", "github.com/docker/compose/v2/cmd", composeVersion)
}

// dockerVersion has the sign-in on the web, which that of Debian 12 does not have.
const dockerVersion = "v28.5.1"

// Docker returns the path of a command line of Docker that signs in on the web. It is built from its modules,
// as Compose is.
func Docker(ctx context.Context) (string, error) {
	const module, engine = "github.com/docker/cli", "github.com/docker/docker"
	get := func(work string) error {
		downloaded, err := goTool(ctx, work, "mod", "download", "-json", module+"@"+dockerVersion+"+incompatible")
		var where struct{ Dir string }
		if err == nil {
			err = json.Unmarshal(downloaded, &where)
		}
		if err != nil {
			return err
		}
		// It has no go.mod. What it is built with is named in another file, for which a release of the engine is
		// a commit that no proxy has.
		requires, err := os.ReadFile(filepath.Join(where.Dir, "vendor.mod"))
		if err != nil {
			return err
		}
		text := strings.Replace(string(requires), "module "+module, "module tool", 1) + "\nrequire " + module + " " + dockerVersion + "+incompatible\n"
		text = regexp.MustCompile(engine+` v\S+`).ReplaceAllString(text, engine+" "+dockerVersion+"+incompatible")
		return os.WriteFile(filepath.Join(work, "go.mod"), []byte(text), 0o600)
	}
	return built(ctx, "docker", module+"/cmd/docker", dockerVersion, get)
}

// builtTool builds a program that refuses `go install`: its go.mod replaces or excludes modules, which
// counts for nothing in a module that merely requires it.
func builtTool(ctx context.Context, name, pkg, version string) (path string, err error) {
	return built(ctx, name, pkg, version, func(work string) error {
		_, err := goTool(ctx, work, "get", "-tool", pkg+"@"+version)
		return err
	})
}

// built keeps a program in the user's cache folder. get puts what it is made of into the module of a folder.
// ErrMissing says that it could not be had.
func built(ctx context.Context, name, pkg, version string, get func(work string) error) (path string, err error) {
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
	if err = get(work); err == nil {
		_, err = goTool(ctx, work, "build", "-trimpath", "-ldflags", "-s -w", "-o", name, pkg)
	}
	if err != nil {
		return "", fmt.Errorf("build %s: %w: %w", name, ErrMissing, err)
	}
	return path, os.Rename(filepath.Join(work, name), path) // another process may have done the same
}

// goTool runs the go command in a folder and returns what it prints.
func goTool(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "nice", append([]string{"go"}, args...)...) // other tests run meanwhile
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=mod", "GOWORK=off")
	var words bytes.Buffer
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w: %s%s", args[0], err, out, &words)
	}
	return out, nil
}
