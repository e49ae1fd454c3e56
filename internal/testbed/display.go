package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A Display is an X server that shows nothing to anybody, with a keyboard that tests type on. It has no
// window manager: whoever grabs the keyboard, as prompts for passwords do, gets what is typed.
type Display struct {
	dir    string
	server *daemon
	name   string
}

// DisplayFor starts a display for one test.
func DisplayFor(t testing.TB) *Display {
	t.Helper()
	d, err := StartDisplay(t.Context())
	Need(t, err)
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Errorf("stop the display: %v", err)
		}
	})
	return d
}

// StartDisplay starts a server under a number that is free. Two that start at once may want the same.
func StartDisplay(ctx context.Context) (d *Display, err error) {
	for range 5 {
		if d, err = startDisplay(ctx); err == nil || errors.Is(err, ErrMissing) {
			break
		}
	}
	return d, err
}

func startDisplay(ctx context.Context) (*Display, error) {
	server, err := find("Xvfb")
	if err != nil {
		return nil, err
	}
	if _, err := find("xdotool"); err != nil {
		return nil, err
	}
	dir, err := scratch()
	if err != nil {
		return nil, err
	}
	d := &Display{dir: dir}
	number := filepath.Join(dir, "number")
	// The server writes its number there when it is ready.
	const command = `exec "$1" -displayfd 3 -screen 0 800x600x24 -nolisten tcp 3>"$2"`
	d.server, err = startDaemon(ctx, filepath.Join(dir, "log"), baseEnv(dir), "sh", "-c", command, "sh", server, number)
	if err == nil {
		err = await(ctx, d.server, func(context.Context) error {
			text, err := os.ReadFile(number)
			if err == nil && !strings.HasSuffix(string(text), "\n") {
				err = errors.New("it has told no number")
			}
			d.name = ":" + strings.TrimSpace(string(text))
			return err
		})
	}
	if err != nil {
		return nil, errors.Join(err, d.Stop())
	}
	return d, nil
}

// Name is what DISPLAY has to be.
func (d *Display) Name() string { return d.name }

// Type types a line of text and the return key.
func (d *Display) Type(ctx context.Context, line string) error {
	if err := d.xdotool(ctx, "key", "ctrl+a", "type", "--delay", "5", line); err != nil {
		return err
	}
	return d.Press(ctx, "Return")
}

// Press presses one key, by its X name.
func (d *Display) Press(ctx context.Context, key string) error { return d.xdotool(ctx, "key", key) }

func (d *Display) xdotool(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "xdotool", args...)
	cmd.Env = append(baseEnv(d.dir), "DISPLAY="+d.name)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("xdotool %s: %w\n%s", args[0], err, out)
	}
	return nil
}

// Stop ends the server and removes its files.
func (d *Display) Stop() error { return errors.Join(d.server.stop(), os.RemoveAll(d.dir)) }

// await tries until it succeeds, the daemon ends, or a generous time is over.
func await(ctx context.Context, d *daemon, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w\n%s", d.cmd.Path, err, d.log())
		case <-d.ended:
			return fmt.Errorf("%s ended\n%s", d.cmd.Path, d.log())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// kill ends a daemon that does not end when it is asked to, as those that show a dialog.
func (d *daemon) kill() error {
	if d == nil {
		return nil
	}
	err := d.cmd.Process.Kill()
	<-d.ended
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	return err
}

func baseEnv(dir string) []string { return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir} }
