package testbed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// An Engine is a dockerd of its own, with a containerd of its own. It takes root, reaches no network
// but what its containers share with the host, and reads none of the settings that the machine's
// dockerd has.
type Engine struct {
	dir                string
	containerd, docker *daemon // nil: not started
}

// How long an engine may take. It takes 0.2 s to start and to stop on an idle machine.
const (
	engineStart = 60 * time.Second
	engineStop  = 20 * time.Second
)

// containerdConfig leaves out the plugins that make folders of their own elsewhere.
const containerdConfig = `version = 2
root = %q
state = %q
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = %q
`

// EngineFor starts an engine for one test, as StartEngine does.
func EngineFor(t testing.TB, env ...string) *Engine {
	t.Helper()
	e, err := StartEngine(t.Context(), env...)
	Need(t, err)
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Errorf("stop the engine: %v", err)
		}
	})
	return e
}

// StartEngine starts an engine and waits until it answers. env adds NAME=VALUE lines to what dockerd
// gets, such as HTTPS_PROXY. It fails with ErrMissing where dockerd is not installed or may not be
// started; any other error has the end of the log.
func StartEngine(ctx context.Context, env ...string) (*Engine, error) {
	dockerd, err := find("dockerd")
	if err != nil {
		return nil, err
	}
	containerd, err := find("containerd")
	if err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("a Docker engine of our own takes root: %w", ErrMissing)
	}
	dir, err := scratch()
	if err != nil {
		return nil, err
	}
	e := &Engine{dir: dir}
	if err = e.startContainerd(ctx, containerd); err == nil {
		err = e.startDocker(ctx, dockerd, env)
	}
	if err != nil {
		return nil, errors.Join(err, e.Stop())
	}
	return e, nil
}

// startContainerd does what dockerd does itself, unless it finds that of the machine.
func (e *Engine) startContainerd(ctx context.Context, program string) error {
	config := e.path("containerd.toml")
	text := fmt.Sprintf(containerdConfig, e.path("data", "containerd"), e.path("exec", "containerd"), e.path("containerd.sock"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	var err error
	e.containerd, err = startDaemon(ctx, e.path("containerd.log"), e.baseEnv(), program, "--config", config)
	return err
}

// startDocker leaves the choice of the storage driver to dockerd. Where the one it picks turns out not
// to work, as inside some containers, it copies layers instead.
func (e *Engine) startDocker(ctx context.Context, program string, env []string) error {
	config := e.path("daemon.json") // of its own, or that of the machine would be read
	if err := os.WriteFile(config, []byte("{}\n"), 0o600); err != nil {
		return err
	}
	args := []string{
		program, "--config-file", config, "--containerd", e.path("containerd.sock"), "--host", "unix://" + e.socket(),
		"--data-root", e.path("data", "docker"), "--exec-root", e.path("exec", "docker"), "--pidfile", e.path("docker.pid"),
		"--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false",
	}
	env = append(e.baseEnv(), env...)
	err := e.tryDocker(ctx, env, args)
	if err != nil && e.docker.hasEnded() {
		err = e.tryDocker(ctx, append(env, "DOCKER_DRIVER=vfs"), args) // which beats settings of any kind
	}
	return err
}

func (e *Engine) tryDocker(ctx context.Context, env, args []string) error {
	var err error
	if e.docker, err = startDaemon(ctx, e.path("docker.log"), env, args...); err != nil {
		return err
	}
	return e.await(ctx)
}

// await waits until the engine answers.
func (e *Engine) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, engineStart, errors.New("it did not answer in time"))
	defer cancel()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", e.socket())
	}
	transport := &http.Transport{DialContext: dial}
	defer transport.CloseIdleConnections()
	for {
		if answers(ctx, transport) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("start dockerd: %w\n%s", context.Cause(ctx), e.docker.log())
		case <-e.docker.ended:
			return fmt.Errorf("dockerd ended\n%s", e.docker.log())
		case <-e.containerd.ended:
			return fmt.Errorf("containerd ended\n%s", e.containerd.log())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func answers(ctx context.Context, transport http.RoundTripper) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://engine/_ping", nil)
	if err != nil {
		return false
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close() // read only
	return resp.StatusCode == http.StatusOK
}

// Env is what a client needs to find this engine.
func (e *Engine) Env() []string { return []string{"DOCKER_HOST=unix://" + e.socket()} }

// Dir is the folder that holds all that the engine has on disk.
func (e *Engine) Dir() string { return e.dir }

// Stop ends the engine and its containers, unmounts what is left and removes its files.
func (e *Engine) Stop() error {
	return errors.Join(e.docker.stop(), e.containerd.stop(), unmountBelow(e.dir), os.RemoveAll(e.dir))
}

func (e *Engine) socket() string { return e.path("docker.sock") }

func (e *Engine) path(elem ...string) string {
	return filepath.Join(append([]string{e.dir}, elem...)...)
}

func (e *Engine) baseEnv() []string { return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + e.dir} }

// A daemon is a process that runs until it is stopped, or until we end without having done that.
type daemon struct {
	cmd     *exec.Cmd
	logPath string
	ended   chan struct{} // closed when it has
}

func startDaemon(ctx context.Context, logPath string, env []string, args ...string) (*daemon, error) {
	return startDaemonThat(ctx, endsWithParent(), logPath, env, args...)
}

func startDaemonThat(ctx context.Context, ends *syscall.SysProcAttr, logPath string, env []string, args ...string) (*daemon, error) {
	log, err := os.Create(logPath)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the daemon has its own
	d := &daemon{logPath: logPath, ended: make(chan struct{})}
	d.cmd = exec.CommandContext(context.WithoutCancel(ctx), args[0], args[1:]...)
	d.cmd.Env, d.cmd.Stdout, d.cmd.Stderr = env, log, log
	d.cmd.SysProcAttr = ends
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = d.cmd.Wait() // how it ended is in its log
		close(d.ended)
	}()
	return d, nil
}

// stop asks the daemon to end, and ends it when it does not.
func (d *daemon) stop() error {
	if d == nil {
		return nil
	}
	if err := d.cmd.Process.Signal(terminate); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-d.ended:
		return nil
	case <-time.After(engineStop):
	}
	err := d.cmd.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	<-d.ended
	return errors.Join(fmt.Errorf("%s had to be killed\n%s", filepath.Base(d.cmd.Path), d.log()), err)
}

func (d *daemon) hasEnded() bool {
	if d == nil {
		return false
	}
	select {
	case <-d.ended:
		return true
	default:
		return false
	}
}

// log is the end of what the daemon wrote.
func (d *daemon) log() string {
	const enough = 4 << 10
	data, err := os.ReadFile(d.logPath)
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-enough):])
}
