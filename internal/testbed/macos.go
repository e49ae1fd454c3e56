package testbed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/build"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	module        = "github.com/docker-pat/docker-pat"
	keyringModule = "github.com/zalando/go-keyring"
)

// BuildForMacOS builds docker-credential-pat for this system with the keychain of macOS, into dir: our source
// for macOS and that of go-keyring, without the constraints that keep them from other systems. Beside it is
// a program that stands in for /usr/bin/security, the one part that is not real; its package says what
// the environment tells it. BuildForMacOS returns the path of docker-credential-pat.
func BuildForMacOS(ctx context.Context, dir string) (string, error) {
	b := macBuild{ctx: ctx, dir: dir}
	root, keyring := b.goOutput("list", "-m", "-f", "{{.Dir}}", module), b.goOutput("list", "-m", "-f", "{{.Dir}}", keyringModule)
	b.goOutput("build", "-o", b.path("security"), module+"/internal/testbed/security")
	b.do(func() error { return b.replaceKeyring(root, keyring) })
	b.do(func() error { return b.overlay(filepath.Join(root, "internal", "secretstore")) })
	program := b.path("docker-credential-pat")
	b.goOutput("build", "-modfile", b.path("go.mod"), "-overlay", b.path("overlay.json"), "-o", program, module+"/cmd/docker-credential-pat")
	return program, b.err
}

// A macBuild does nothing more after its first error.
type macBuild struct {
	ctx context.Context
	dir string
	err error
}

func (b *macBuild) do(step func() error) {
	if b.err == nil {
		b.err = step()
	}
}

func (b *macBuild) goOutput(args ...string) string {
	var stdout, stderr bytes.Buffer
	b.do(func() error {
		cmd := exec.CommandContext(b.ctx, "go", args...)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, stderr.Bytes())
		}
		return nil
	})
	return strings.TrimSpace(stdout.String())
}

// replaceKeyring makes a copy of go-keyring whose keychain for Linux is that for macOS, and a go.mod that
// takes it. A file of the module cache cannot be overlaid.
func (b *macBuild) replaceKeyring(root, keyring string) error {
	if err := os.CopyFS(b.path("go-keyring"), os.DirFS(keyring)); err != nil {
		return err
	}
	source, err := os.ReadFile(filepath.Join(keyring, "keyring_darwin.go"))
	if err != nil {
		return err
	}
	const program = `"/usr/bin/security"`
	if bytes.Count(source, []byte(program)) != 1 {
		return fmt.Errorf("keyring_darwin.go does not name %s once", program)
	}
	source = bytes.Replace(source, []byte(program), fmt.Appendf(nil, "%q", b.path("security")), 1)
	errs := []error{os.WriteFile(b.path("go-keyring", "keyring_unix.go"), source, 0o600)}
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(root, name))
		errs = append(errs, err, os.WriteFile(b.path(name), data, 0o600))
	}
	b.goOutput("mod", "edit", "-replace", keyringModule+"="+b.path("go-keyring"), b.path("go.mod"))
	return errors.Join(append(errs, b.err)...)
}

// overlay has the files of a package that are built for macOS in place of those built for Linux.
func (b *macBuild) overlay(pkg string) error {
	entries, err := os.ReadDir(pkg)
	if err != nil {
		return err
	}
	mac, linux := build.Default, build.Default
	mac.GOOS, linux.GOOS = "darwin", "linux"
	replace := map[string]string{} // an empty path takes a file away
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		onMac, macErr := mac.MatchFile(pkg, name)
		onLinux, linuxErr := linux.MatchFile(pkg, name)
		err = errors.Join(err, macErr, linuxErr)
		switch {
		case onLinux && !onMac:
			replace[filepath.Join(pkg, name)] = ""
		case onMac && !onLinux:
			source, readErr := os.ReadFile(filepath.Join(pkg, name))
			_, source, _ = bytes.Cut(source, []byte("\n")) // the constraint
			replace[filepath.Join(pkg, strings.Replace(name, "_darwin.go", ".go", 1))] = b.path(name)
			err = errors.Join(err, readErr, os.WriteFile(b.path(name), source, 0o600))
		}
	}
	if len(replace) < 2 {
		err = errors.Join(err, fmt.Errorf("%s has nothing of its own for macOS", pkg))
	}
	data, marshalErr := json.Marshal(map[string]any{"Replace": replace})
	return errors.Join(err, marshalErr, os.WriteFile(b.path("overlay.json"), data, 0o600))
}

func (b *macBuild) path(elem ...string) string {
	return filepath.Join(append([]string{b.dir}, elem...)...)
}
