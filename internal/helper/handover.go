package helper

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/docker/docker-credential-helpers/credentials"

	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
)

// handOver has docker-pat do what takes Docker Hub, so that the program that Docker starts before every
// pull and push links neither HTTP nor commands. The secrets go through pipes.
type handOver struct{ sys System }

var _ credhelper.Tokens = handOver{}

// SettleAction is one more action of `docker-pat helper`: it ends what the journal has.
const SettleAction = "settle"

// ErrNoManager says that docker-pat is not installed beside this program.
var ErrNoManager = errors.New("docker-pat is not there to do it")

// A repliedError is what docker-pat has said to the caller in our place.
type repliedError struct{ text string }

func (e repliedError) Error() string { return strings.TrimPrefix(e.text, Name+": ") }

func (h handOver) Exchange(ctx context.Context, _, serverURL, username string, password secret.Secret) error {
	in, err := json.Marshal(credentials.Credentials{ServerURL: serverURL, Username: username, Secret: password.Reveal()})
	if err != nil {
		return fmt.Errorf("hand the password over: %w", err)
	}
	_, err = h.run(ctx, credentials.ActionStore, in)
	if errors.Is(err, ErrNoManager) {
		return credhelper.ErrPassword
	}
	return err
}

func (h handOver) Renew(ctx context.Context, _ string, held secretstore.Credential, _ bool) (secretstore.Credential, error) {
	out, err := h.run(ctx, credentials.ActionGet, []byte(held.ServerURL))
	if err != nil {
		return held, err
	}
	var got credentials.Credentials
	if err := json.Unmarshal(out, &got); err != nil {
		return held, errors.New("docker-pat did not answer with a credential")
	}
	if got.Secret == held.Secret.Reveal() {
		return secretstore.Credential{}, nil // it has said why
	}
	token := *held.Token
	token.ExpiresAt = time.Time{} // only docker-pat knows
	return secretstore.Credential{ServerURL: held.ServerURL, Username: got.Username, Secret: secret.New(got.Secret), Token: &token}, nil
}

func (h handOver) Settle(ctx context.Context) error {
	_, err := h.run(ctx, SettleAction, nil)
	if errors.Is(err, ErrNoManager) {
		return nil // it is in the journal, and done when docker-pat comes
	}
	return err
}

// run calls docker-pat as the helper. Its warnings reach the caller. When ctx ends it is not ended with
// it: it comes to an end by itself, and a kill would leave to a later call what it can do now.
func (h handOver) run(ctx context.Context, action string, in []byte) ([]byte, error) {
	program, err := findManager()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(context.WithoutCancel(ctx), program, "helper", action)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, h.sys.Err
	done := make(chan error, 1)
	go func() { done <- cmd.Run() }()
	select {
	case err = <-done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	switch {
	case err == nil:
		return out.Bytes(), nil
	case errors.As(err, new(*exec.ExitError)) && out.Len() > 0:
		const line = 4096
		return nil, repliedError{strings.TrimSpace(string(out.Next(line)))}
	}
	return nil, fmt.Errorf("%s failed: %w", program, err)
}

// findManager finds docker-pat beside this program, where it was installed, or else on PATH.
func findManager() (string, error) {
	name := manager
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if self, err := os.Executable(); err == nil {
		if resolved, err := filepath.EvalSymlinks(self); err == nil {
			self = resolved
		}
		if path, err := exec.LookPath(filepath.Join(filepath.Dir(self), name)); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", ErrNoManager
	}
	return path, nil
}
