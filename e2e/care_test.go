//go:build unix

package e2e

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// newCareMachine has docker-pat where the units expect it, and a token that is not due.
func newCareMachine(t *testing.T) *machine {
	t.Helper()
	m := newMachine(t)
	m.do(os.MkdirAll(filepath.Join(m.home, "go", "bin"), 0o700))
	m.do(os.Symlink(filepath.Join(m.bin, "docker-pat"), filepath.Join(m.home, "go", "bin", "docker-pat")))
	m.signIn()
	m.run("docker-pat", "create", "laptop").exits(0)
	return m
}

// runs runs a command that names its program by its path.
func (m *machine) runs(command ...string) {
	m.t.Helper()
	cmd := exec.CommandContext(m.t.Context(), command[0], command[1:]...)
	cmd.Env, cmd.Dir = m.env, "/"
	if out, err := cmd.CombinedOutput(); err != nil || len(out) != 0 {
		m.t.Errorf("%q: %v\n%s", command, err, out)
	}
}

// TestSystemdUnits has systemd read the units, and runs what they run.
func TestSystemdUnits(t *testing.T) {
	t.Parallel()
	systemd := program(t, "systemd-analyze")
	m := newCareMachine(t)
	folder := filepath.Join(m.home, ".config", "systemd", "user")
	m.do(os.MkdirAll(folder, 0o700))
	m.do(os.CopyFS(folder, os.DirFS(filepath.Join("..", "docs", "systemd"))))
	for _, name := range []string{"docker-pat-rotate.service", "docker-pat-rotate.timer"} {
		m.runs(systemd, "verify", "--user", "--man=no", filepath.Join(folder, name))
	}
	text, err := os.ReadFile(filepath.Join(folder, "docker-pat-rotate.service"))
	m.do(err)
	start := regexp.MustCompile(`(?m)^ExecStart=(.+)$`).FindSubmatch(text)
	if start == nil {
		t.Fatalf("the service starts nothing:\n%s", text)
	}
	m.runs(strings.Fields(strings.ReplaceAll(string(start[1]), "%h", m.home))...)
}

// TestLaunchdAgent reads the agent as a property list, and runs what it runs.
func TestLaunchdAgent(t *testing.T) {
	t.Parallel()
	m := newCareMachine(t)
	file, err := os.Open(filepath.Join("..", "docs", "launchd", "docker-pat.rotate.plist"))
	m.do(err)
	defer func() { _ = file.Close() }() // read only
	agent := m.propertyList(file)
	if want := []string{"Label", "ProgramArguments", "StartCalendarInterval", "Hour", "Minute", "ProcessType"}; !slices.Equal(agent.keys, want) {
		t.Errorf("the agent has %q, expected %q", agent.keys, want)
	}
	if len(agent.array) != 3 {
		t.Fatalf("the agent runs %q", agent.array)
	}
	m.do(os.MkdirAll(filepath.Join(m.home, "Library", "Logs"), 0o700))
	m.runs(agent.array...)
	log, err := os.ReadFile(filepath.Join(m.home, "Library", "Logs", "docker-pat.log"))
	if err != nil || len(log) != 0 {
		t.Errorf("the log is %q, %v", log, err)
	}
}

// A propertyList is what matters here of one: its keys in their order, and the strings of its array.
type propertyList struct{ keys, array []string }

func (m *machine) propertyList(r io.Reader) (list propertyList) {
	m.t.Helper()
	decoder := xml.NewDecoder(r)
	var path []string
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return list
		}
		m.do(err)
		switch token := token.(type) {
		case xml.StartElement:
			path = append(path, token.Name.Local)
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			switch strings.Join(path, "/") {
			case "plist/dict/key", "plist/dict/dict/key":
				list.keys = append(list.keys, string(token))
			case "plist/dict/array/string":
				list.array = append(list.array, string(token))
			}
		}
	}
}
