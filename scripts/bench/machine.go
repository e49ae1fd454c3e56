//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/docker-pat/docker-pat/internal/testbed"
)

// A bench has the programs, and two keychains that hold 5 and 500 entries of each helper.
type bench struct {
	dir       string
	few, lots *machine
	medians   map[string]float64
}

// A machine is a home with a keychain.
type machine struct {
	bin     string
	home    string
	keyring *testbed.Keyring
	service []string // variables that name a token service
}

func newBench(ctx context.Context) (*bench, error) {
	dir, err := os.MkdirTemp("", "dpb")
	if err != nil {
		return nil, err
	}
	b := &bench{dir: dir, medians: map[string]float64{}}
	if err = b.build(ctx); err == nil {
		b.few, err = b.newMachine(ctx, "few", 5)
	}
	if err == nil {
		b.lots, err = b.newMachine(ctx, "lots", 500)
	}
	if err == nil {
		err = b.few.fillPass(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *bench) close() error {
	var errs []error
	for _, m := range []*machine{b.few, b.lots} {
		if m != nil && m.keyring != nil {
			errs = append(errs, m.keyring.Stop())
		}
	}
	return errors.Join(append(errs, os.RemoveAll(b.dir))...)
}

// build makes all programs with the flags of a release, the peers from their released modules.
func (b *bench) build(ctx context.Context) error {
	const helpers = "github.com/docker/docker-credential-helpers/"
	for _, target := range []struct{ program, pkg, cgo string }{
		{pat, "./cmd/docker-credential-pat", "0"},
		{"docker-pat", "./cmd/docker-pat", "0"},
		{secretservice, helpers + "secretservice/cmd", "1"}, // it is made of libsecret
		{pass, helpers + "pass/cmd", "0"},
		{"bare", "./scripts/bench/peers/bare", "0"},
		{"empty", "./scripts/bench/peers/empty", "0"},
		{"rss", "./scripts/bench/peers/rss", "0"},
	} {
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(b.dir, target.program), target.pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED="+target.cgo)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", target.pkg, err, out)
		}
	}
	return nil
}

// newMachine starts a keychain and stores entries with each helper that uses it.
func (b *bench) newMachine(ctx context.Context, name string, entries int) (*machine, error) {
	m := &machine{bin: b.dir, home: filepath.Join(b.dir, name)}
	if err := os.Mkdir(m.home, 0o700); err != nil {
		return nil, err
	}
	var err error
	if m.keyring, err = testbed.StartKeyring(ctx); err != nil {
		return nil, err
	}
	for _, helper := range []string{pat, secretservice} {
		for i := range entries {
			name := host(i)
			if i == 0 {
				name = server
			}
			if _, _, err := m.call(ctx, []string{helper, "store"}, entry(name)); err != nil {
				return m, err
			}
		}
		if _, _, err := m.call(ctx, []string{helper, "store"}, entry(host(0))); err != nil {
			return m, err
		}
	}
	_, _, err = m.call(ctx, []string{"bare", "store"}, server+" "+madeUp)
	return m, err
}

// fillPass makes a key without a passphrase and a store for docker-credential-pass.
func (m *machine) fillPass(ctx context.Context) error {
	for _, step := range [][]string{
		{"gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "bench@example.invalid", "default", "default", "never"},
		{"pass", "init", "bench@example.invalid"},
	} {
		cmd := exec.CommandContext(ctx, step[0], step[1:]...)
		cmd.Env = m.env()
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", step[0], err, out)
		}
	}
	_, _, err := m.call(ctx, []string{pass, "store"}, entry(server))
	return err
}

func (m *machine) path(program string) string { return filepath.Join(m.bin, program) }

func (m *machine) env() []string {
	return append(append(m.keyring.Env(), "HOME="+m.home, "GNUPGHOME="+filepath.Join(m.home, ".gnupg"), "PATH="+os.Getenv("PATH")), m.service...)
}

// call runs one of the programs and times it.
func (m *machine) call(ctx context.Context, args []string, stdin string) (string, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, m.path(args[0]), args[1:]...)
	cmd.Env = m.env()
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	err := cmd.Run()
	took := time.Since(start)
	if err != nil {
		return "", 0, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out.String())
	}
	return out.String(), took, nil
}
