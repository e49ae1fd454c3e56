package wiring

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/docker-pat/docker-pat/internal/dockerconfig"
	"github.com/docker-pat/docker-pat/internal/secret"
)

// PodmanAuthFile is the first of the places where podman, skopeo and buildah keep credentials. It fails
// with fs.ErrNotExist where there is none.
// Source: containers/image, docs/containers-auth.json.5.md.
func PodmanAuthFile(env func(string) string) (string, error) {
	if path := env("REGISTRY_AUTH_FILE"); path != "" {
		return path, nil
	}
	var places []string
	if dir := env("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		places = append(places, filepath.Join(dir, "containers", "auth.json"))
	}
	if dir := env("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		places = append(places, filepath.Join(dir, "containers", "auth.json"))
	}
	home := env("HOME")
	if runtime.GOOS == "windows" {
		home = env("USERPROFILE")
	}
	if home != "" {
		places = append(places, filepath.Join(home, ".config", "containers", "auth.json"))
	}
	for _, path := range places {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
	}
	return "", noAuthFile{places}
}

// noAuthFile is fs.ErrNotExist, with all the places that were looked at.
type noAuthFile struct{ places []string }

func (e noAuthFile) Error() string {
	return "podman has no auth.json: there is none at " + strings.Join(e.places, ", ")
}

func (noAuthFile) Is(target error) bool { return target == fs.ErrNotExist }

// importPodman copies what podman, skopeo and buildah keep, which go on reading their own file. What is
// wrong with that file is a note: Docker does without it.
func (s *setup) importPodman(ctx context.Context) error {
	if s.PodmanAuthFile == "" || sameFile(s.PodmanAuthFile, s.config.Path()) {
		return nil
	}
	file, err := dockerconfig.Load(s.PodmanAuthFile)
	if err != nil {
		s.plan.note("nothing was copied from podman: %v", err)
		return nil
	}
	auths, broken := file.PlaintextAuths()
	for _, b := range broken {
		s.plan.note("not copied from %s: %v", file.Path(), b)
	}
	for _, a := range auths {
		if !s.wanted(a.ServerURL) {
			continue
		}
		if err := a.Portable(); err != nil {
			s.plan.note("not copied from %s: %v", file.Path(), err)
			continue
		}
		held, err := s.Credentials.Has(ctx, a.ServerURL)
		if err != nil {
			return err
		}
		if held {
			continue
		}
		keeps, err := s.Credentials.Keeps(a.ServerURL, a.Username, a.Secret)
		if err != nil {
			return err
		}
		from := authFile{file.Path(), a}
		if !keeps {
			s.noteNotKept(from, a.ServerURL)
			continue
		}
		s.copyFrom(from, a.ServerURL)
	}
	return nil
}

// An authFile has one credential of podman's.
type authFile struct {
	path string
	auth dockerconfig.PlaintextAuth
}

func (f authFile) String() string { return f.path }

func (f authFile) get(context.Context, string) (username string, text secret.Secret, err error) {
	return f.auth.Username, f.auth.Secret, nil
}
