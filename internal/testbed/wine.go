package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// A Wine runs programs for Windows (amd64) with a registry, a Credential Manager and a drive C: of its own.
type Wine struct {
	dir, wine string
	server    *daemon // nil: not started
}

// Wine 8 lacks a library that every Go program for Windows asks for random bytes. This one hands the one
// function of it on to where it has always been.
const bcryptprimitives = "LIBRARY bcryptprimitives.dll\nEXPORTS\n ProcessPrng = ADVAPI32.SystemFunction036\n"

// How long a Wine may take. On an idle machine it takes 8 s to make its folder and to start, and less than
// one to stop.
const (
	wineStart = 3 * time.Minute
	wineStop  = 30 * time.Second
)

// WineFor starts a Wine for one test.
func WineFor(t testing.TB) *Wine {
	t.Helper()
	w, err := StartWine(t.Context())
	Need(t, err)
	t.Cleanup(func() {
		if err := w.Stop(); err != nil {
			t.Errorf("stop wine: %v", err)
		}
	})
	return w
}

// StartWine makes the folder, which takes 0.7 GB, and starts the server.
func StartWine(ctx context.Context) (*Wine, error) {
	wine, err := find("wine")
	if err != nil {
		return nil, err
	}
	var tools [2]string
	for i, name := range []string{"x86_64-w64-mingw32-as", "x86_64-w64-mingw32-ld"} {
		if tools[i], err = find(name); err != nil {
			return nil, err
		}
	}
	dir, err := scratch()
	if err != nil {
		return nil, err
	}
	w := &Wine{dir: dir, wine: wine}
	if err = os.Mkdir(w.prefix(), 0o700); err == nil {
		err = w.start(ctx)
	}
	if err == nil {
		err = w.makeLibrary(ctx, tools[0], tools[1])
	}
	if err != nil {
		return nil, errors.Join(err, w.Stop())
	}
	return w, nil
}

// start runs the server as our child, so that it and all programs end with us, then makes the folder when
// there is none, and starts the services. They keep what they get for output open, so that is a file.
func (w *Wine) start(ctx context.Context) error {
	server, err := find("wineserver")
	if err != nil {
		return err
	}
	w.server, err = startDaemonThat(ctx, interruptedWithParent(), w.path("wineserver.log"), w.env(), server, "--foreground", "--persistent")
	if err != nil {
		return err
	}
	w.awaitServer(ctx)
	output, err := os.Create(w.path("wineboot.log"))
	if err != nil {
		return err
	}
	defer func() { _ = output.Close() }() // the programs have their own
	ctx, cancel := context.WithTimeout(ctx, wineStart)
	defer cancel()
	boot := w.Command(ctx, "wineboot")
	boot.Stdout, boot.Stderr = output, output
	if err := boot.Run(); err != nil {
		said, _ := os.ReadFile(output.Name()) // that it failed is known
		return fmt.Errorf("start wine: %w\n%s%s", err, said, w.server.log())
	}
	return nil
}

// awaitServer waits until the server listens: a program that finds none starts one of its own, and the two get
// into each other's way. Debian's Wine listens in the folder for temporary files; for one that listens
// elsewhere a moment has to be enough.
func (w *Wine) awaitServer(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for {
		if found, err := filepath.Glob(w.path("wine-*", "server-*", "socket")); err != nil || len(found) > 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-w.server.ended:
			return // which shows when the first program is run
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// makeLibrary gives it the library that Go programs need.
func (w *Wine) makeLibrary(ctx context.Context, assembler, linker string) error {
	definition, source, object := w.path("stub.def"), w.path("stub.s"), w.path("stub.o")
	if err := errors.Join(os.WriteFile(definition, []byte(bcryptprimitives), 0o600), os.WriteFile(source, nil, 0o600)); err != nil {
		return err
	}
	library := filepath.Join(w.DriveC(), "windows", "system32", "bcryptprimitives.dll")
	for _, args := range [][]string{
		{assembler, "-o", object, source},
		{linker, "-shared", "-e", "0", "-o", library, object, definition},
	} {
		if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("make bcryptprimitives.dll: %w\n%s", err, out)
		}
	}
	return nil
}

// Command is a program for Windows, by its path here or by its name if it is one of Wine's.
func (w *Wine) Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, w.wine, append([]string{program}, args...)...)
	cmd.Env, cmd.Dir = w.env(), w.dir
	return cmd
}

// DriveC is where programs find C:.
func (w *Wine) DriveC() string { return filepath.Join(w.prefix(), "drive_c") }

// Restart does what signing out and in again does to the programs: they are ended, and the registry is
// read from the disk.
func (w *Wine) Restart(ctx context.Context) error {
	return errors.Join(w.end(ctx), w.start(ctx))
}

// end asks the server to end all programs, to write the registry and to end.
func (w *Wine) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, wineStop)
	defer cancel()
	cmd := exec.CommandContext(ctx, "wineserver", "--kill")
	cmd.Env = w.env()
	if out, err := cmd.CombinedOutput(); err != nil && !w.server.hasEnded() {
		return fmt.Errorf("end the wineserver: %w\n%s%s", err, out, w.server.log())
	}
	select {
	case <-w.server.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the wineserver goes on: %w\n%s", ctx.Err(), w.server.log())
	}
}

// Stop ends all programs and removes the folder.
func (w *Wine) Stop() error {
	var err error
	if w.server != nil {
		err = errors.Join(w.end(context.Background()), w.server.stop())
	}
	return errors.Join(err, os.RemoveAll(w.dir))
}

// env keeps Wine from opening windows, from offering to install what we do not need, and from making
// links to menus in the user's home.
func (w *Wine) env() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "TMPDIR=" + w.dir, "WINEPREFIX=" + w.prefix(), "WINEDEBUG=-all",
		"WINEDLLOVERRIDES=mscoree=;mshtml=;winemenubuilder.exe=",
	}
}

func (w *Wine) prefix() string { return w.path("prefix") }

func (w *Wine) path(elem ...string) string {
	return filepath.Join(append([]string{w.dir}, elem...)...)
}
