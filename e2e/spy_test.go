package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// spyName is what this test is called as the command of docker-pat exec.
const spyName = "spy"

// A spying is what the spy prints.
type spying struct {
	Processes []string // names of those that belong to the run, docker-pat first
	Files     int      // that were searched
	Leaks     []string // where a secret was found, without the secret
}

// playSpy is what this test does as the command of docker-pat exec: it asks the helper for all that can be had of
// it, and looks for that in every process of the run, with a helper at work among them, and in every file of
// the user.
func playSpy() int {
	seen, err := spy()
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(seen)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func spy() (seen spying, err error) {
	registry := os.Getenv("DOCKER_PAT_REGISTRY")
	secrets := []string{password}
	for _, name := range []string{registry, registry + "/v1/access-token"} {
		get := exec.Command("docker-credential-pat", "get")
		get.Stdin = strings.NewReader(name)
		out, err := get.Output()
		if err != nil {
			return seen, fmt.Errorf("get %s: %w: %s", name, err, out)
		}
		var c credential
		if err := json.Unmarshal(out, &c); err != nil {
			return seen, err
		}
		secrets = append(secrets, c.Secret)
	}
	waiting := exec.Command("docker-credential-pat", "get")
	stdin, err := waiting.StdinPipe()
	if err != nil {
		return seen, err
	}
	if err := waiting.Start(); err != nil {
		return seen, err
	}
	look := seen.searchProcesses(secrets)
	look = errors.Join(look, seen.searchFiles(secrets, os.Getenv("HOME"), os.TempDir(), os.Getenv("XDG_RUNTIME_DIR"), os.Getenv("DOCKER_CONFIG")))
	_, err = stdin.Write([]byte(registry))
	return seen, errors.Join(look, err, stdin.Close(), waiting.Wait())
}

// searchProcesses looks at the docker-pat that is furthest up, and all below it.
func (seen *spying) searchProcesses(secrets []string) error {
	top := 0
	for pid := os.Getpid(); pid > 1; {
		if nameOf(pid) == "docker-pat" {
			top = pid
		}
		parent, err := parentOf(pid)
		if err != nil {
			return err
		}
		pid = parent
	}
	if top == 0 {
		return errors.New("there is no docker-pat above")
	}
	children := map[int][]int{}
	for _, pid := range processes() {
		if parent, err := parentOf(pid); err == nil { // else it has ended
			children[parent] = append(children[parent], pid)
		}
	}
	for queue := []int{top}; len(queue) > 0; queue = append(queue[1:], children[queue[0]]...) {
		pid := queue[0]
		seen.Processes = append(seen.Processes, nameOf(pid))
		for _, kind := range []string{"cmdline", "environ"} {
			data, err := os.ReadFile(processFile(pid, kind))
			if err != nil {
				return err
			}
			for _, entry := range bytes.Split(data, []byte{0}) {
				if hasSecret(entry, secrets) {
					variable, _, _ := strings.Cut(string(entry), "=")
					seen.Leaks = append(seen.Leaks, fmt.Sprintf("%s of %s: %.20s", kind, nameOf(pid), variable))
				}
			}
		}
	}
	return nil
}

// searchFiles leaves out the folder of the programs, of which this test is one.
func (seen *spying) searchFiles(secrets []string, folders ...string) error {
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case path == folder && errors.Is(err, fs.ErrNotExist):
				return nil // there is none
			case err != nil:
				return err
			case path == filepath.Join(os.Getenv("HOME"), "bin"):
				return fs.SkipDir
			case !entry.Type().IsRegular():
				return nil
			}
			data, err := os.ReadFile(path)
			if hasSecret(data, secrets) {
				seen.Leaks = append(seen.Leaks, "file "+path)
			}
			seen.Files++
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// hasSecret knows a secret plain and as Docker writes it into config.json, and that among other settings in
// base64 or not.
func hasSecret(data []byte, secrets []string) bool {
	return slices.ContainsFunc(secrets, func(secret string) bool {
		encoded := base64.StdEncoding.EncodeToString([]byte(user + ":" + secret))
		return bytes.Contains(data, []byte(secret)) || bytes.Contains(data, []byte(encoded))
	})
}

func processFile(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}

func processes() (pids []int) {
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// nameOf is what a process was called as.
func nameOf(pid int) string {
	data, _ := os.ReadFile(processFile(pid, "cmdline"))
	name, _, _ := strings.Cut(string(data), "\x00")
	return filepath.Base(name)
}

// parentOf reads the fourth field of proc_pid_stat(5); the second is in brackets and may have anything in it.
func parentOf(pid int) (int, error) {
	data, err := os.ReadFile(processFile(pid, "stat"))
	if err != nil {
		return 0, err
	}
	text := string(data)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 2 {
		return 0, fmt.Errorf("%d: no parent in %q", pid, text)
	}
	return strconv.Atoi(fields[1])
}
