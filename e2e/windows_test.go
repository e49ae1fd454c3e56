package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/testbed"
)

// A windows is a computer with Windows, as far as Wine is that, with our programs on it. Its keychain is
// Wine's Credential Manager.
type windows struct {
	t    *testing.T
	wine *testbed.Wine
	bin  string
	env  []string // beside what Windows gives
}

// TestWindows runs one part after the other, for a Wine takes its time to start.
func TestWindows(t *testing.T) {
	t.Parallel()
	w := windows{t: t, bin: t.TempDir()}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", w.bin, "../cmd/docker-pat", "../cmd/docker-credential-pat")
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	w.wine = testbed.WineFor(t)
	for _, part := range []struct {
		name string
		test func(windows)
	}{{"helper", windows.helper}, {"many at once", windows.manyAtOnce}, {"docker-pat", windows.dockerPat}} {
		t.Run(part.name, func(t *testing.T) {
			w.t = t
			part.test(w)
		})
	}
}

// helper cannot show the limit of 2,560 bytes an item, which Wine does not have: go-keyring holds it, and
// values are split before that.
func (w windows) helper() {
	w.t.Helper()
	w.lists(map[string]string{})
	w.call("get", "a.example").exits(1).prints(notFound)
	w.call("erase", "a.example").exits(0)

	first, second := credential{"a.example", user, "first"}, credential{"https://a.example", "other", "\x00\x01é\r\n\"<&>"}
	w.stores(first)
	w.stores(second) // over the first
	large := credential{"https://large.example/v2/", user, strings.Repeat("0123456789\x00é\r\n<", 700)[:10_000]}
	w.stores(large)
	largest := credential{"largest.example", user, strings.Repeat("0123456789abcdef", 4080)} // what fits into a call
	w.stores(largest)
	all := map[string]string{"https://a.example": "other", "https://large.example/v2/": user, "largest.example": user}
	w.lists(all)
	if _, err := os.Stat(w.userFile("AppData", "Local", "docker-pat", "index.json")); err != nil {
		w.t.Errorf("the index is not in the user's local folder: %v", err)
	}

	if err := w.wine.Restart(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.lists(all)
	for _, c := range []credential{second, large, largest} {
		w.holds(c)
	}
	if items, parts := w.items(); items < 3+5+32 || parts != items-3 {
		w.t.Errorf("the keychain has %d items, %d of them parts: what is large should be in parts of 2,048 bytes", items, parts)
	}

	w.stores(credential{large.ServerURL, user, "small"})
	w.call("erase", "largest.example").exits(0)
	w.call("erase", "a.example").exits(0)
	w.call("get", "a.example").exits(1).prints(notFound)
	w.call("get", "largest.example").exits(1).prints(notFound)
	w.lists(map[string]string{"https://large.example/v2/": user})
	if items, parts := w.items(); items != 1 || parts != 0 {
		w.t.Errorf("the keychain has %d items, %d of them parts, and should have one", items, parts)
	}
	w.call("erase", large.ServerURL).exits(0)
	if items, _ := w.items(); items != 0 {
		w.t.Errorf("after all was erased the keychain has %d items", items)
	}
}

// manyAtOnce changes and reads the index in many programs at once: Windows replaces no file that is open.
func (w windows) manyAtOnce() {
	w.t.Helper()
	const many, atOnce = 40, 12
	places := make(chan struct{}, atOnce) // Wine itself fails to start programs when it is given too many
	want := map[string]string{}
	var wg sync.WaitGroup
	for i := range many {
		name := fmt.Sprintf("r%d.example", i)
		want[name] = name
		for _, call := range []func() result{
			func() result { return w.call("store", message(credential{name, name, name})) },
			func() result { return w.call("list", "") },
		} {
			wg.Go(func() {
				places <- struct{}{}
				defer func() { <-places }()
				if r := call(); r.code != 0 {
					w.t.Error(r)
				}
			})
		}
	}
	wg.Wait()
	w.lists(want)
}

// dockerPat signs in, makes a token, tells Docker, and takes all of it back.
func (w windows) dockerPat() {
	w.t.Helper()
	hub := newHub(w.t, password)
	w.env = hub.Environment()
	pat := func(stdin string, args ...string) result {
		w.t.Helper()
		return w.run(stdin, filepath.Join(w.bin, "docker-pat.exe"), args...).exits(0)
	}
	pat(password+"\n", "login", "-u", user, "--password-stdin").says("Signed in as " + user)
	pat("", "create", "laptop")
	pat("", "list").says("laptop")
	var made credential
	w.call("get", registryOf(hub)).exits(0).decode(&made)
	if made.Username != user || !strings.HasPrefix(made.Secret, "dckr_"+"pat_") {
		w.t.Errorf("the helper has %q for %q, which is no token", made.Username, made.ServerURL)
	}

	w.run("", filepath.Join(w.bin, "docker-pat.exe"), "setup").exits(1).says(`, C:\users\`, `\.local\bin`, "add one to PATH")
	w.env = append(w.env, `WINEPATH=Z:`+strings.ReplaceAll(w.bin, "/", `\`)) // which Wine adds to PATH
	pat("", "setup")
	config, plugin := w.userFile(".docker", "config.json"), w.userFile(".docker", "cli-plugins", "docker-pat.exe")
	if text, err := os.ReadFile(config); err != nil || !strings.Contains(string(text), `"credsStore": "pat"`) {
		w.t.Errorf("Docker's settings are %q, %v", text, err)
	}
	if _, err := os.Stat(plugin); err != nil {
		w.t.Errorf("the plugin is not there: %v", err)
	}
	pat("", "setup", "--undo")
	if text, err := os.ReadFile(config); err == nil && strings.Contains(string(text), "pat") {
		w.t.Errorf("after --undo Docker's settings are %q", text)
	}
	pat("", "delete", "--yes", "laptop")
	pat("", "logout")
	w.call("get", registryOf(hub)).exits(1).prints(notFound)
}

// call runs the helper once.
func (w windows) call(action, stdin string) result {
	w.t.Helper()
	r := w.run(stdin, filepath.Join(w.bin, "docker-credential-pat.exe"), action)
	if r.stderr != "" {
		w.t.Errorf("standard error should be empty: %s", r)
	}
	return r
}

// run does not wait for what Wine starts beside a program and what keeps its output open.
func (w windows) run(stdin, program string, args ...string) result {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), commandTimeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := w.wine.Command(ctx, program, args...)
	cmd.Env = append(cmd.Env, w.env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	r := result{w.t, filepath.Base(program) + " " + strings.Join(args, " "), stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
	if ctx.Err() != nil || err != nil && !errors.As(err, new(*exec.ExitError)) && !errors.Is(err, exec.ErrWaitDelay) {
		w.t.Errorf("%v, %v: %s", err, ctx.Err(), r)
	}
	return r
}

// stores leaves out what was printed in between, for a secret is long.
func (w windows) stores(c credential) {
	w.t.Helper()
	w.call("store", message(c)).exits(0).prints("")
	w.holds(c)
}

func (w windows) holds(c credential) {
	w.t.Helper()
	var got credential
	w.call("get", c.ServerURL).exits(0).decode(&got)
	if want := (credential{c.ServerURL, c.Username, c.Secret}); got != want {
		w.t.Errorf("get %s gave %.60q with %d bytes, want %.60q with %d", c.ServerURL, got, len(got.Secret), want, len(want.Secret))
	}
}

func (w windows) lists(want map[string]string) {
	w.t.Helper()
	var got map[string]string
	w.call("list", "").exits(0).decode(&got)
	if fmt.Sprint(got) != fmt.Sprint(want) { // fmt sorts them
		w.t.Errorf("list gave %v, want %v", got, want)
	}
}

// items counts the credentials that Wine has in its registry, and those of them that are parts of values.
func (w windows) items() (items, parts int) {
	w.t.Helper()
	r := w.run("", "reg", "query", `HKCU\Software\Wine\Credential Manager`).exits(0)
	for line := range strings.Lines(r.stdout) {
		if _, name, ok := strings.Cut(line, `\Generic: docker-pat:`); ok {
			items++
			if strings.Contains(name, "#") {
				parts++
			}
		}
	}
	return items, parts
}

// userFile is where something is in the folder of the one user.
func (w windows) userFile(elem ...string) string {
	w.t.Helper()
	found, err := filepath.Glob(filepath.Join(w.wine.DriveC(), "users", "*", "AppData"))
	if err != nil || len(found) != 1 {
		w.t.Fatalf("the users' folders are %q, %v", found, err)
	}
	return filepath.Join(append([]string{filepath.Dir(found[0])}, elem...)...)
}

func message(c credential) string {
	out, _ := json.Marshal(c) // strings marshal
	return string(out)
}
