package e2e

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/secretstore"
)

// isDue has the keychain say of the token that it holds that it was made long ago and ends after a while.
func (m *machine) isDue(left time.Duration) credential {
	m.t.Helper()
	store := secretstore.New(secretstore.Options{
		Keychain: secretstore.NewKeychain("docker-pat", m.keyring.Getenv),
		StateDir: filepath.Join(m.home, ".local", "state", "docker-pat"), Timeout: commandTimeout,
	})
	held, err := store.Get(m.t.Context(), m.registry)
	m.do(err)
	token := *held.Token
	token.CreatedAt, token.ExpiresAt = time.Now().Add(left-90*24*time.Hour), time.Now().Add(left)
	held.Token = &token
	m.do(store.Put(m.t.Context(), m.registry, held))
	return credential{m.registry, held.Username, held.Secret.Reveal()}
}

// get asks as Docker does: what the helper says besides goes to a file, and nobody waits for what it has started.
func (m *machine) get() (stdout, stderr string, code int) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), commandTimeout)
	defer cancel()
	words, err := os.CreateTemp(m.t.TempDir(), "stderr")
	m.do(err)
	cmd := exec.CommandContext(ctx, filepath.Join(m.bin, "docker-credential-pat"), "get")
	cmd.Env, cmd.Stdin, cmd.Stderr = m.env, strings.NewReader(m.registry), words
	out, err := cmd.Output()
	if err != nil && !errors.As(err, new(*exec.ExitError)) || ctx.Err() != nil {
		m.t.Fatalf("docker-credential-pat get: %v", err)
	}
	said, err := os.ReadFile(words.Name())
	m.do(errors.Join(err, words.Close()))
	return string(out), string(said), cmd.ProcessState.ExitCode()
}

// TestRenewal has twenty programs ask for a token that is about to end: one of them renews it, and all get one
// that works.
func TestRenewal(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.setup()
	m.run("docker-pat", "create", "laptop", "--scope", "repo:read").exits(0)
	old := m.isDue(24 * time.Hour)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			out, said, code := m.get()
			if code != 0 || said != "" || !strings.Contains(out, `"Secret":"dckr_`) {
				t.Errorf("exit code %d, %d characters, %q", code, len(out), said)
			}
		})
	}
	all.Wait()
	now := m.credential(m.registry)
	if now.Secret == old.Secret {
		t.Error("the token was not renewed")
	}
	if made := m.tokens(); len(made) != 1 || !made[0].Stored || made[0].Label != "laptop" {
		t.Errorf("there should be the one new token: %+v", made)
	}
	m.login(m.registry, now.Secret).exits(0)
	m.noneOnDisk(old.Secret, now.Secret)
}

// TestRenewalThatHangs hands out what there is, with a warning, and tries again only after a pause.
func TestRenewalThatHangs(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.setup()
	m.run("docker-pat", "create", "laptop").exits(0)
	old := m.isDue(24 * time.Hour)
	m.hub.Sandbox.Inject(sandbox.Fault{Method: "POST", Path: "/hub/v2/access-tokens", Delay: 24 * time.Hour})
	out, said, code := m.get()
	if code != 0 || !strings.Contains(out, old.Secret) || !strings.Contains(said, `warning: the token "laptop" ends on `) || strings.Contains(said, old.Secret) {
		t.Errorf("exit code %d, %d characters, %q", code, len(out), said)
	}
	out, said, code = m.get()
	if code != 0 || !strings.Contains(out, old.Secret) || said != "" {
		t.Errorf("a moment later: exit code %d, %d characters, %q", code, len(out), said)
	}
}

// TestTokenThatHasEnded is never handed out, and the error says what to do.
func TestTokenThatHasEnded(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.setup()
	m.run("docker-pat", "create", "laptop").exits(0)
	m.run("docker-pat", "logout").exits(0)
	old := m.isDue(-time.Hour)
	out, said, code := m.get()
	if code != 1 || strings.Contains(out, old.Secret) || strings.Count(out, "\n") != 1 ||
		!strings.Contains(out, `the token "laptop" has expired and was not renewed: you are not signed in; `) {
		t.Errorf("exit code %d, %q, %q", code, out, said)
	}
	m.signIn()
	if renewed := m.credential(m.registry); renewed.Secret == old.Secret {
		t.Error("after a sign-in the token was not renewed")
	}
}
