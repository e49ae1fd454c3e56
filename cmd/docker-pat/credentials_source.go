package main

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/docker-pat/docker-pat/internal/dockerconfig"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/settings"
	"github.com/docker-pat/docker-pat/internal/wiring"
)

// A credentialSource is a place to import from.
type credentialSource struct {
	name string
	list func(ctx context.Context) ([]sourceCredential, error)
}

// A sourceCredential is read one at a time: a helper may ask for each.
type sourceCredential struct {
	serverURL string
	read      func(ctx context.Context) (username string, text secret.Secret, err error)
}

// source is what --from names.
func (o credentialsImportOptions) source(s settings.Settings) (credentialSource, error) {
	switch name, isHelper := strings.CutPrefix(o.from, "helper:"); {
	case isHelper && (name == "" || strings.ContainsAny(name, `/\`)):
		return credentialSource{}, usagef("credentials import", "--from helper: wants the NAME of docker-credential-NAME")
	case isHelper && name == helperSuffix:
		return credentialSource{}, usagef("credentials import", "--from helper:%s is this program's own helper", name)
	case isHelper:
		return helperSource(name), nil
	case o.from == "podman":
		path, err := wiring.PodmanAuthFile(o.sys.Env)
		return fileSource(path, true), err
	case o.from != "":
		return fileSource(o.from, true), nil
	}
	return fileSource(dockerconfig.Path(s.DockerConfigDir), false), nil
}

func helperSource(name string) credentialSource {
	program := "docker-credential-" + name
	list := func(ctx context.Context) ([]sourceCredential, error) {
		names, err := wiring.ListOther(ctx, name)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, fmt.Errorf("list what %s holds: %s", program, printable(err.Error())) // in one line
		}
		var found []sourceCredential
		for _, serverURL := range names {
			found = append(found, sourceCredential{serverURL, func(ctx context.Context) (string, secret.Secret, error) {
				return wiring.GetOther(ctx, name, serverURL)
			}})
		}
		return found, nil
	}
	return credentialSource{name: program, list: list}
}

// fileSource is a file with auths, as Docker and podman have it. Docker does without one.
func fileSource(path string, needed bool) credentialSource {
	return credentialSource{name: path, list: func(context.Context) ([]sourceCredential, error) {
		file, err := dockerconfig.Load(path)
		if err == nil && needed && !file.Exists() {
			err = &fs.PathError{Op: "read", Path: path, Err: fs.ErrNotExist}
		}
		if err != nil {
			return nil, fmt.Errorf("import credentials: %w", err)
		}
		auths, faults := file.PlaintextAuths()
		var found []sourceCredential
		for _, a := range auths {
			found = append(found, sourceCredential{a.ServerURL, func(context.Context) (string, secret.Secret, error) {
				return a.Username, a.Secret, a.Portable()
			}})
		}
		for _, fault := range faults {
			found = append(found, sourceCredential{fault.ServerURL, func(context.Context) (string, secret.Secret, error) {
				return "", secret.Secret{}, fault.Err
			}})
		}
		return found, nil
	}}
}
