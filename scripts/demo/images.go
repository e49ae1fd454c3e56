package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/docker-pat/docker-pat/internal/testbed"
)

// An imageTool signs in, pushes and pulls; ok says whether that has to work.
type imageTool interface {
	login(s *stage, ok bool)
	push(s *stage, ok bool)
	pull(s *stage, ok bool)
}

// imageTool is the real docker with an engine of its own, or with the engine that answers already, or
// else the registry's API with the credential that the helper gives.
func (s *stage) imageTool(ctx context.Context) (imageTool, error) {
	_, noDocker := exec.LookPath("docker")
	engine, err := testbed.StartEngine(ctx)
	switch {
	case noDocker == nil && err == nil:
		s.engine = engine
		fmt.Println("Docker: an engine of its own")
		return dockerTool{image: s.registry + "/moby/hello:demo"}, errors.Join(setenv(engine.Env()), s.makeImage())
	case noDocker == nil && exec.CommandContext(ctx, "docker", "info").Run() == nil:
		fmt.Println("Docker: the engine of this machine; the demonstration's image is removed from it in the end")
		tool := dockerTool{image: s.registry + "/moby/hello:demo"}
		s.images = []string{tool.image}
		return tool, s.makeImage()
	case err == nil:
		err = engine.Stop() // an engine without docker
	case errors.Is(err, testbed.ErrMissing):
		err = nil
	}
	fmt.Println("Docker: none here, so the registry's API is called with what the credential helper answers")
	return apiTool{image: s.registry + "/moby/hello:demo"}, err
}

// makeImage imports an image with one file in it.
func (s *stage) makeImage() error {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	text := []byte("hello from docker-pat\n")
	if err := w.WriteHeader(&tar.Header{Name: "hello.txt", Mode: 0o644, Size: int64(len(text))}); err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	file := filepath.Join(s.home, "hello.tar")
	if err := os.WriteFile(file, archive.Bytes(), 0o600); err != nil {
		return err
	}
	s.title("An image made on the spot.")
	s.expect(0, "sha256:", nil, "docker", "import", file, s.registry+"/moby/hello:demo")
	return s.err
}

// secret asks the credential helper as Docker does.
func (s *stage) secret() (string, error) {
	cmd := exec.CommandContext(s.ctx, "docker-credential-pat", "get")
	cmd.Stdin = strings.NewReader(s.registry)
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("docker-credential-pat get: %w: %s", err, out)
	}
	var reply struct{ Secret string }
	if err := json.Unmarshal(out, &reply); err != nil || reply.Secret == "" {
		return "", fmt.Errorf("docker-credential-pat get gave no secret: %w", err)
	}
	return reply.Secret, nil
}

type dockerTool struct{ image string }

func (d dockerTool) login(s *stage, ok bool) {
	if ok {
		s.expect(0, "Login Succeeded", nil, "docker", "login", s.registry)
		return
	}
	s.expectFailure("docker", "login", s.registry)
}

func (d dockerTool) push(s *stage, ok bool) {
	if ok {
		s.expect(0, "digest: sha256:", nil, "docker", "push", d.image)
		return
	}
	s.expect(1, "denied", nil, "docker", "push", d.image)
}

func (d dockerTool) pull(s *stage, ok bool) {
	if !ok {
		s.expectFailure("docker", "pull", d.image)
		return
	}
	s.expect(0, "Status: ", nil, "docker", "pull", d.image)
}

// apiTool pushes and pulls with the library that crane is made of, which reads Docker's config.json
// and calls docker-credential-pat by itself.
type apiTool struct{ image string }

func (a apiTool) options(s *stage) []crane.Option {
	return []crane.Option{crane.WithContext(s.ctx), crane.WithAuthFromKeychain(authn.DefaultKeychain), crane.Insecure}
}

func (a apiTool) login(s *stage, ok bool) {
	if s.err != nil {
		return
	}
	text, err := s.secret()
	fmt.Printf("$ echo %s | docker-credential-pat get\n", s.registry)
	if err == nil {
		fmt.Printf("  a secret of %d characters, not shown here\n", len(text))
	}
	s.outcome("docker-credential-pat get", ok, err)
}

func (a apiTool) push(s *stage, ok bool) {
	if s.err != nil {
		return
	}
	image, err := random.Image(256, 1)
	if err == nil {
		err = crane.Push(image, a.image, a.options(s)...)
	}
	s.outcome("push "+a.image, ok, err)
}

func (a apiTool) pull(s *stage, ok bool) {
	if s.err != nil {
		return
	}
	image, err := crane.Pull(a.image, a.options(s)...)
	if err == nil {
		err = crane.Save(image, a.image, filepath.Join(s.home, "pulled.tar"))
	}
	s.outcome("pull "+a.image, ok, err)
}

// outcome shows how a call of the API ended and checks it.
func (s *stage) outcome(what string, ok bool, err error) {
	switch {
	case err == nil:
		fmt.Printf("  %s: done\n", what)
	default:
		fmt.Printf("  %s: %v\n", what, err)
	}
	if (err == nil) != ok {
		s.err = fmt.Errorf("%s: %w", what, err)
	}
}
