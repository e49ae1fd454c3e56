package main

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/sandbox/sandboxtest"
	"github.com/docker-pat/docker-pat/internal/testbed"
)

var update = flag.Bool("update", false, "write what the programs print into the scripts")

const totpSecret = "GEZDGNBVGY3TQOJQ" // made up: the base32 form of 1234567890

func TestMain(m *testing.M) {
	program := func() { os.Exit(run(realSystem(), os.Args)) }
	testscript.Main(m, map[string]func(){"docker-pat": program, "docker-credential-pat": program, "test-browser": testBrowser})
}

// Each script runs with a Docker Hub and a keychain of its own. The accounts are moby, with the
// password whale, and ada, who has two-factor authentication. moby owns the organizations acme (Team) and
// small (which has no tokens by its plan), ada owns others.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runScript(t, file) })
	}
}

func runScript(t *testing.T, file string) {
	keyring := testbed.KeyringFor(t)
	hub := sandboxtest.Start(t, sandbox.Options{
		Users: []sandbox.User{
			{Name: "moby", Password: "whale"}, {Name: "ada", Password: "engine", TOTPSecret: totpSecret},
		},
		Organizations: []sandbox.Organization{
			{Name: "acme", Owners: []string{"moby"}},
			{Name: "others", Owners: []string{"ada"}},
			{Name: "small", Owners: []string{"moby"}, Plan: sandbox.PlanPersonal},
		},
	})
	testscript.Run(t, testscript.Params{
		Files:         []string{file},
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, "home")
			env.Vars = append(env.Vars, keyring.Env()...)
			env.Vars = append(env.Vars, hub.Environment()...)
			env.Vars = append(env.Vars, "GORACE=atexit_sleep_ms=0") // programs under the race detector end a second late otherwise
			env.Vars = append(env.Vars, "HOME="+home, "USERPROFILE="+home, "LONG="+strings.Repeat("x", 101), "REGISTRY=localhost:"+port(hub.Addr), "PORT="+port(hub.Addr), "HUB_ADDR="+hub.Addr)
			return os.MkdirAll(filepath.Join(home, ".local", "bin"), 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fault":        func(ts *testscript.TestScript, _ bool, args []string) { ts.Check(inject(hub.Sandbox, args)) },
			"nofault":      func(*testscript.TestScript, bool, []string) { hub.Sandbox.ClearFaults() },
			"allowinvalid": func(*testscript.TestScript, bool, []string) { hub.AllowInvalid() },
			"lockkeyring":  func(ts *testscript.TestScript, _ bool, _ []string) { ts.Check(keyring.Lock(t.Context())) },
			"requests":     func(ts *testscript.TestScript, _ bool, args []string) { wantRequests(ts, hub.Sandbox, args) },
			"makemany":     makeMany,
			"exitcode":     wantExitCode,
			"helpfor":      wantHelp,
			"totp":         setTOTP,
			"decide":       func(ts *testscript.TestScript, _ bool, args []string) { decide(ts, hub.Sandbox, args) },
			"endsessions":  func(*testscript.TestScript, bool, []string) { hub.Sandbox.EndSessions() },
			"sessions":     func(ts *testscript.TestScript, _ bool, args []string) { wantSessions(ts, hub.Sandbox, args) },
			"secretof":     secretOf,
			"nowhere":      nowhere,
		},
	})
}

func port(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }

// inject reads `fault METHOD PATH status=500 body=... cut=after delay=1s type=text/html times=1`.
func inject(hub *sandbox.Sandbox, args []string) error {
	f := sandbox.Fault{Method: args[0], Path: args[1]}
	var err error
	for _, arg := range args[2:] {
		name, value, _ := strings.Cut(arg, "=")
		switch name {
		case "status":
			f.Status, err = strconv.Atoi(value)
		case "times":
			f.Times, err = strconv.Atoi(value)
		case "delay":
			f.Delay, err = time.ParseDuration(value)
		case "body":
			f.Body = value
		case "type":
			f.ContentType = value
		case "cut":
			f.Cut = value
		default:
			f.Header = map[string]string{name: value}
		}
		if err != nil {
			return err
		}
	}
	hub.Inject(f)
	return nil
}

// wantRequests compares the number of requests `METHOD PATH` that were made so far.
func wantRequests(ts *testscript.TestScript, hub *sandbox.Sandbox, args []string) {
	n := 0
	for _, r := range hub.Requests() {
		if r.Method == args[0] && r.Path == args[1] {
			n++
		}
	}
	if strconv.Itoa(n) != args[2] {
		ts.Fatalf("%s %s was called %d times, want %s", args[0], args[1], n, args[2])
	}
}

// wantExitCode runs a program that must end with a code: `exitcode 2 docker-pat list extra`.
func wantExitCode(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s (%v)", code, args[0], err)
	}
}

// makeMany makes a number of tokens: `makemany 24`.
func makeMany(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	for i := range n {
		ts.Check(ts.Exec("docker-pat", "create", "many-"+strconv.Itoa(i), "--print"))
	}
}

// wantHelp asks for the help of each command.
func wantHelp(ts *testscript.TestScript, _ bool, commands []string) {
	for _, command := range commands {
		ts.Check(ts.Exec("docker-pat", command, "--help"))
		if out := ts.ReadFile("stdout"); !strings.Contains(out, "Usage:\n  docker-pat "+command) {
			ts.Fatalf("the help of %s is %q", command, out)
		}
	}
}

// setTOTP puts the present one-time code of ada into a variable.
func setTOTP(ts *testscript.TestScript, _ bool, args []string) {
	code, err := totp.GenerateCode(totpSecret, time.Now())
	ts.Check(err)
	ts.Setenv(args[0], code)
}

// secretOf takes the secret out of what the helper printed: `secretof stdout FILE`.
func secretOf(ts *testscript.TestScript, _ bool, args []string) {
	var reply struct{ Secret string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &reply))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(reply.Secret+"\n"), 0o600))
}

// nowhere fails when the first line of FILE stands in any file of the script but those that are
// named: `nowhere FILE [EXCEPT...]`.
func nowhere(ts *testscript.TestScript, _ bool, args []string) {
	text, _, _ := strings.Cut(ts.ReadFile(args[0]), "\n")
	if len(text) < 5 {
		ts.Fatalf("%s holds %q, which is nothing to look for", args[0], text)
	}
	var except []string
	for _, name := range args {
		except = append(except, ts.MkAbs(name))
	}
	searched := 0
	err := filepath.WalkDir(ts.Getenv("WORK"), func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || slices.Contains(except, path) {
			return err
		}
		searched++
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), text) {
			ts.Fatalf("the secret is in %s", path)
		}
		return err
	})
	ts.Check(err)
	if searched == 0 {
		ts.Fatalf("nothing was searched")
	}
}
