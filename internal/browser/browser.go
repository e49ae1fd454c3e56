// Package browser shows a page in the user's browser where there is one.
package browser

import (
	"errors"
	"os/exec"
	"runtime"
	"strings"
)

// ErrNone says that there is no browser to be opened.
var ErrNone = errors.New("no browser was found")

// Open starts the user's browser and does not wait for it. The browser gets no terminal: one that needs it
// is not for this. $BROWSER comes first, then what the system has for it, which on Linux takes a display.
func Open(page string, env func(string) string) error {
	for _, args := range commands(runtime.GOOS, page, env) {
		path, err := exec.LookPath(args[0])
		if err != nil {
			continue
		}
		cmd := exec.Command(path, args[1:]...) //nolint:noctx // it is to outlive us
		detach(cmd)
		if cmd.Start() == nil {
			go func() { _ = cmd.Wait() }() // whatever it comes to: the address is on the screen
			return nil
		}
	}
	return ErrNone
}

// commands lists what to try, in order. $BROWSER is a list of commands between colons (on Windows
// semicolons, as in PATH), in which %s stands for the address, which otherwise is the last argument; there
// is no quoting. Source: the convention that Debian's sensible-browser and Python's webbrowser follow.
func commands(system, page string, env func(string) string) [][]string {
	var list [][]string
	separator := ":"
	if system == "windows" {
		separator = ";"
	}
	for _, command := range strings.Split(env("BROWSER"), separator) {
		if args := strings.Fields(command); len(args) > 0 {
			list = append(list, withPage(args, page))
		}
	}
	switch system {
	case "windows":
		return append(list, []string{"rundll32", "url.dll,FileProtocolHandler", page})
	case "darwin":
		return append(list, []string{"open", page})
	}
	if env("WSL_DISTRO_NAME") != "" {
		list = append(list, []string{"wslview", page})
	}
	if env("DISPLAY") == "" && env("WAYLAND_DISPLAY") == "" {
		return list
	}
	return append(list, []string{"xdg-open", page}, []string{"x-www-browser", page})
}

func withPage(args []string, page string) []string {
	found := false
	for i, arg := range args {
		found = found || strings.Contains(arg, "%s")
		args[i] = strings.ReplaceAll(arg, "%s", page)
	}
	if !found {
		args = append(args, page)
	}
	return args
}
