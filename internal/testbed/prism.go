package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// prismVersion is that of the package @stoplight/prism-cli.
const prismVersion = "5.14.2"

// prismStart bounds the start of Prism. It takes 2 s on an idle machine.
const prismStart = 60 * time.Second

// A Prism is a server that Stoplight's Prism makes from an OpenAPI document. It answers what does not fit the
// document with a problem: application/problem+json, status 422 for a request.
type Prism struct {
	URL string // http://127.0.0.1:PORT
	dir string
	*daemon
}

// PrismFor starts a server for one test. It answers with the examples of the document or, when upstream is the
// address of another server, passes on to that what fits the document, and back.
func PrismFor(t testing.TB, document, upstream string) *Prism {
	t.Helper()
	p, err := StartPrism(t.Context(), document, upstream)
	Need(t, err)
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Errorf("stop Prism: %v", err)
		}
	})
	return p
}

// StartPrism starts a server as PrismFor says, and waits until it answers.
func StartPrism(ctx context.Context, document, upstream string) (*Prism, error) {
	node, err := find("node")
	if err != nil {
		return nil, err
	}
	program, err := installPrism(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := scratch()
	if err != nil {
		return nil, err
	}
	p := &Prism{dir: dir}
	err = p.start(ctx, node, program, document, upstream)
	if err != nil && p.hasEnded() && strings.Contains(p.log(), "EADDRINUSE") { // another program was quicker
		err = p.start(ctx, node, program, document, upstream)
	}
	if err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

func (p *Prism) start(ctx context.Context, node, program, document, upstream string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	p.URL = "http://127.0.0.1:" + port
	args := []string{node, program, "mock", "--errors", "--host", "127.0.0.1", "--port", port, document}
	if upstream != "" {
		args[2] = "proxy"
		args = append(args, upstream)
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir, "NO_COLOR=1"}
	if p.daemon, err = startDaemon(ctx, filepath.Join(p.dir, "prism.log"), env, args...); err != nil {
		return err
	}
	return p.await(ctx)
}

// await waits for Prism's own word, because an answer could come from another program on that port.
func (p *Prism) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, prismStart, errors.New("it did not answer in time"))
	defer cancel()
	for {
		log, err := os.ReadFile(p.logPath)
		if err == nil && bytes.Contains(log, []byte("listening on "+p.URL)) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("start Prism: %w\n%s", context.Cause(ctx), p.log())
		case <-p.ended:
			return fmt.Errorf("Prism ended\n%s", p.log())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Stop ends the server and removes its files.
func (p *Prism) Stop() error { return errors.Join(p.stop(), os.RemoveAll(p.dir)) }

// freePort is one of loopback that nobody listens on.
func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, errors.Join(err, listener.Close())
}

var installing sync.Mutex // one npm at a time; another process is of no consequence

// installPrism returns the path of Prism's script. It is installed from npm, which takes a quarter of a minute,
// and then kept in the user's cache folder.
func installPrism(ctx context.Context) (path string, err error) {
	installing.Lock()
	defer installing.Unlock()
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "docker-pat-testbed")
	installed := filepath.Join(dir, "prism-"+prismVersion)
	path = filepath.Join(installed, "node_modules", ".bin", "prism")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	npm, err := find("npm")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(dir, "prism")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	cmd := exec.CommandContext(ctx, "nice", npm, "install", "--prefix", work, "--no-audit", "--no-fund", "--ignore-scripts",
		"@stoplight/prism-cli@"+prismVersion) // other tests run meanwhile
	cmd.Dir = work
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("install Prism: %w: %w\n%s", ErrMissing, err, out)
	}
	if err := os.Rename(work, installed); err != nil && !errors.Is(err, fs.ErrExist) { // another process has done the same
		return "", err
	}
	return path, nil
}
