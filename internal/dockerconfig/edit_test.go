package dockerconfig_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/docker-pat/docker-pat/internal/dockerconfig"
	"github.com/docker-pat/docker-pat/internal/secret"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata/edits")

const hub = "https://index.docker.io/v1/"

// edits are the changes that every layout is put through.
var edits = []struct {
	name string
	do   func(*dockerconfig.File) error
}{
	{"set credsStore", func(f *dockerconfig.File) error { f.SetCredsStore("pat"); return nil }},
	{"remove credsStore", func(f *dockerconfig.File) error { f.RemoveCredsStore(); return nil }},
	{"set credHelper", func(f *dockerconfig.File) error { f.SetCredHelper("docker.io", "pat"); return nil }},
	{"change credHelper", func(f *dockerconfig.File) error { f.SetCredHelper("gcr.io", "pat"); return nil }},
	{"remove credHelper", func(f *dockerconfig.File) error { f.RemoveCredHelper("gcr.io"); return nil }},
	{"clear auth", func(f *dockerconfig.File) error { f.ClearAuth(hub); return nil }},
	{"set auth", func(f *dockerconfig.File) error {
		return f.SetAuth(dockerconfig.PlaintextAuth{ServerURL: hub, Username: "gordon", Secret: secret.New("<&>")})
	}},
	{"all of setup", func(f *dockerconfig.File) error {
		f.SetCredsStore("pat")
		f.SetCredHelper("docker.io", "pat")
		f.ClearAuth(hub)
		return nil
	}},
}

// TestEdits compares every edit of every layout with its golden text, byte by byte, with the line
// ends of Unix and of Windows.
func TestEdits(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/edits/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			text := sections(content(t, file))
			before := text["before"]
			if *update {
				golden := fmt.Sprintf("-- before --\n%s\n", before)
				for _, edit := range edits {
					golden += fmt.Sprintf("-- %s --\n%s\n", edit.name, apply(t, before, edit.do))
				}
				if err := os.WriteFile(file, []byte(golden), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			for _, edit := range edits {
				want, ok := text[edit.name]
				if !ok {
					t.Errorf("%s: no golden text; run with -update and look at it", edit.name)
				}
				if got := apply(t, before, edit.do); got != want {
					t.Errorf("%s:\n%s\nwant:\n%s", edit.name, got, want)
				}
				if !strings.Contains(before, "\n ") && !strings.Contains(before, "\n\t") {
					continue // nothing shows which line ends are meant
				}
				want = strings.ReplaceAll(want, "\n", "\r\n")
				if got := apply(t, strings.ReplaceAll(before, "\n", "\r\n"), edit.do); got != want {
					t.Errorf("%s with CRLF:\n%q\nwant:\n%q", edit.name, got, want)
				}
			}
		})
	}
}

// sections gives the texts of a golden file by name. The line end before the next name, or before
// the end of the golden file, is no part of a text.
func sections(golden string) map[string]string {
	texts := map[string]string{}
	heads := regexp.MustCompile(`(?m)^-- (.+) --\n`).FindAllStringSubmatchIndex(golden, -1)
	for i, head := range heads {
		end := len(golden)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		texts[golden[head[2]:head[3]]] = strings.TrimSuffix(golden[head[1]:end], "\n")
	}
	return texts
}

// TestUndo takes back what was added to realistic files and wants every byte as before.
func TestUndo(t *testing.T) {
	t.Parallel()
	for name, before := range configs(t) {
		f := load(t, write(t, before))
		store, held := f.CredsStore(), f.CredHelpers()
		auths, faults := f.PlaintextAuths()
		if len(faults) > 0 {
			t.Fatalf("%s: %v", name, faults)
		}
		f.SetCredsStore("pat")
		f.SetCredHelper("docker.io", "pat")
		for _, a := range auths {
			f.ClearAuth(a.ServerURL)
		}
		if left, _ := f.PlaintextAuths(); len(left) > 0 {
			t.Errorf("%s: %v left", name, left)
		}
		if err := f.Save(); err != nil {
			t.Fatal(err)
		}
		f = load(t, f.Path())
		if store == "" {
			f.RemoveCredsStore()
		} else {
			f.SetCredsStore(store)
		}
		if _, ok := held["docker.io"]; !ok {
			f.RemoveCredHelper("docker.io")
		}
		for _, a := range auths {
			if err := f.SetAuth(a); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Save(); err != nil {
			t.Fatal(err)
		}
		if got := content(t, f.Path()); got != before {
			t.Errorf("%s:\n%s\nwant:\n%s", name, got, before)
		}
	}
}

// apply gives the content of a file with the content before after one edit and Save, which is done
// twice to see that the second changes nothing.
func apply(t *testing.T, before string, edit func(*dockerconfig.File) error) string {
	t.Helper()
	path := write(t, before)
	var texts [2]string
	for i := range texts {
		f := load(t, path)
		if err := edit(f); err != nil {
			t.Fatal(err)
		}
		if i > 0 && f.Changed() {
			t.Errorf("the second time changes the file again: %v", f.Changes())
		}
		if err := f.Save(); err != nil {
			t.Fatal(err)
		}
		texts[i] = content(t, path)
	}
	if texts[0] != texts[1] {
		t.Errorf("the second time made %q of %q", texts[1], texts[0])
	}
	return texts[0]
}

func configs(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/configs/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no configurations: %v", err)
	}
	texts := map[string]string{}
	for _, file := range files {
		texts[filepath.Base(file)] = content(t, file)
	}
	return texts
}

func write(t testing.TB, text string) (path string) {
	t.Helper()
	path = dockerconfig.Path(t.TempDir())
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t testing.TB, path string) *dockerconfig.File {
	t.Helper()
	f, err := dockerconfig.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func content(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
