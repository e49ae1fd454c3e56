package browser

import (
	"reflect"
	"testing"
)

func TestCommands(t *testing.T) {
	t.Parallel()
	const page = "https://login.example/activate?user_code=A-B&x=%20;id"
	open := func(names ...string) (list [][]string) {
		for _, name := range names {
			list = append(list, []string{name, page})
		}
		return list
	}
	tests := []struct {
		name, system string
		env          map[string]string
		want         [][]string
	}{
		{"no display", "linux", nil, nil},
		{"X", "linux", map[string]string{"DISPLAY": ":0"}, open("xdg-open", "x-www-browser")},
		{"Wayland", "freebsd", map[string]string{"WAYLAND_DISPLAY": "wayland-0"}, open("xdg-open", "x-www-browser")},
		{"Linux on Windows", "linux", map[string]string{"WSL_DISTRO_NAME": "Debian"}, open("wslview")},
		{"macOS", "darwin", nil, open("open")},
		{
			"the user's on Windows", "windows",
			map[string]string{"BROWSER": `C:\browser.exe -new;edge`},
			[][]string{{`C:\browser.exe`, "-new", page}, {"edge", page}, {"rundll32", "url.dll,FileProtocolHandler", page}},
		},
		{"Windows", "windows", nil, [][]string{{"rundll32", "url.dll,FileProtocolHandler", page}}},
		{"the user's, without a display", "linux", map[string]string{"BROWSER": "remote-browser"}, open("remote-browser")},
		{
			"the user's come first", "darwin",
			map[string]string{"BROWSER": "firefox --new-tab %s --x: :w3m"},
			[][]string{{"firefox", "--new-tab", page, "--x"}, {"w3m", page}, {"open", page}},
		},
	}
	for _, tt := range tests {
		if got := commands(tt.system, page, func(name string) string { return tt.env[name] }); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestOpenWithoutABrowser(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, env := range []map[string]string{nil, {"BROWSER": "firefox:w3m", "DISPLAY": ":0"}} {
		if err := Open("https://login.example/", func(name string) string { return env[name] }); err == nil {
			t.Error("a browser was found where there is none")
		}
	}
}
