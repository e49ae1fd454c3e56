package wiring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/docker-pat/docker-pat/internal/buildinfo"
)

// links plans the helper on PATH and the plugin in Docker's folder.
func (s *setup) links(ctx context.Context) error {
	target := s.target()
	plugin := filepath.Join(s.DockerConfigDir, "cli-plugins", exeName(pluginName))
	if err := s.link(plugin, target); err != nil {
		return err
	}
	helper, err := s.helperPath(ctx)
	if err != nil || helper == "" {
		return err
	}
	if beside := filepath.Join(filepath.Dir(s.Executable), exeName(helperName)); helper != beside {
		if version, err := HelperVersion(ctx, beside); err == nil && version == s.Version {
			target = beside
		}
	}
	return s.link(helper, target)
}

// target is this program as PATH names it, which an update of the package leaves in place, or else
// its own path.
func (s *setup) target() string {
	for _, dir := range s.Path {
		if path := filepath.Join(dir, exeName(pluginName)); sameFile(path, s.Executable) {
			return path
		}
	}
	return s.Executable
}

// helperPath is where the helper has to be linked, or "" when PATH leads to it already.
func (s *setup) helperPath(ctx context.Context) (string, error) {
	for _, dir := range s.Path {
		path := filepath.Join(dir, exeName(helperName))
		switch info, err := os.Stat(path); {
		case err != nil || !isProgram(info):
		case sameFile(path, s.Executable):
			return "", nil
		case isOurs(path) && canWrite(dir):
			return path, nil // of another copy of this program
		default:
			return "", s.installed(ctx, path)
		}
	}
	wanted := []string{filepath.Dir(s.Executable), filepath.Join(s.Home, ".local", "bin"), filepath.Join(s.Home, "bin")}
	for _, dir := range wanted {
		onPath := slices.ContainsFunc(s.Path, func(p string) bool { return filepath.Clean(p) == dir })
		if onPath && canWrite(dir) {
			return filepath.Join(dir, exeName(helperName)), nil
		}
	}
	return "", fmt.Errorf("none of the folders %s is on PATH, where Docker looks for credential helpers, and can be written: add one to PATH",
		strings.Join(wanted, ", "))
}

// installed is about the helper that PATH leads to and that setup did not link, or cannot link anew: it is
// used as it is. One of another version is told of, as doctor does.
func (s *setup) installed(ctx context.Context, path string) error {
	version, err := HelperVersion(ctx, path)
	switch {
	case errors.Is(err, ErrOtherProgram):
		return fmt.Errorf("%s is another program: remove it from PATH first", path)
	case err != nil:
		return fmt.Errorf("%s: %w: remove it from PATH first", path, err)
	case version != s.Version:
		s.plan.note("%s, which comes first on PATH, is %s and docker-pat %s: install both programs in the same version", path, version, s.Version)
	}
	return nil
}

// link plans one link. Where there is one of ours it is replaced, another program's is not.
func (s *setup) link(path, target string) error {
	if sameFile(path, target) {
		return nil
	}
	if _, err := os.Lstat(path); err == nil && !isOurs(path) {
		return fmt.Errorf("%s is in the way: it was not made by %s setup", path, s.Name)
	}
	if !slices.Contains(s.record.Links, path) {
		s.record.Links = append(s.record.Links, path)
	}
	s.plan.add(func(context.Context) error {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		return replaceLink(path, target)
	}, "link %s -> %s", path, target)
	return nil
}

// freshSuffix names a link until it takes its place.
const freshSuffix = ".new"

// PlaceProgram makes a program callable as path, where nothing may be yet: by a link, or on Windows, which
// lets few people make links, by a copy.
func PlaceProgram(target, path string) error {
	if runtime.GOOS == "windows" {
		return copyFile(target, path)
	}
	return os.Symlink(target, path)
}

// replaceLink makes the link beside the old one and renames it, so that there always is one.
func replaceLink(path, target string) error {
	fresh := path + freshSuffix
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := PlaceProgram(target, fresh); err != nil {
		return fmt.Errorf("link %s: %w", path, err)
	}
	if err := os.Rename(fresh, path); err != nil {
		return errors.Join(fmt.Errorf("link %s: %w", path, err), os.Remove(fresh))
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()                                     // read only
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755) //nolint:gosec // a program that others may run
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// versionTimeout bounds asking a program for its version.
const versionTimeout = 5 * time.Second

// Errors of HelperVersion.
var (
	ErrOtherProgram = errors.New("it is another program")
	ErrNoVersion    = errors.New("it does not say what it is")
)

// HelperVersion asks the program at path for its version. It fails with ErrOtherProgram when that is not
// our docker-credential-pat, and with ErrNoVersion when it does not answer or fails.
func HelperVersion(ctx context.Context, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "version")
	cmd.WaitDelay = otherGrace
	out, err := cmd.Output()
	if err != nil {
		return "", ErrNoVersion
	}
	version, ours := strings.CutPrefix(string(out), helperName+" ("+buildinfo.Module+") ")
	if !ours {
		return "", ErrOtherProgram
	}
	return strings.TrimSpace(version), nil
}

// isOurs recognises a link that an earlier setup made, even one whose program is gone.
func isOurs(path string) bool {
	target, err := os.Readlink(path)
	base := filepath.Base(target)
	return err == nil && (strings.HasPrefix(base, pluginName) || strings.HasPrefix(base, helperName))
}

// isLinkTo tells whether path leads to this program, by a link or, on Windows, as its copy.
func isLinkTo(path, executable string) bool {
	info, err := os.Lstat(path)
	if err != nil {
		return false
	}
	link := info.Mode().Type() == os.ModeSymlink
	return link && (sameFile(path, executable) || isOurs(path)) || runtime.GOOS == "windows" && !link
}

// isProgram tells what Docker would run: it passes over others on PATH.
func isProgram(info os.FileInfo) bool {
	return info.Mode().IsRegular() && (runtime.GOOS == "windows" || info.Mode().Perm()&0o111 != 0)
}

func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// canWrite asks, where the folder is missing, about the nearest one above, and makes none: a plan changes
// nothing.
func canWrite(dir string) bool {
	for {
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) || filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	return writable(dir)
}

func exeName(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}
