package dockerconfig_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/docker-pat/docker-pat/internal/dockerconfig"
	"github.com/docker-pat/docker-pat/internal/secret"
)

// docker is the part of Docker's own structs that this package promises to read alike. [docker/cli
// cli/config/configfile/file.go, cli/config/types/authconfig.go]
type docker struct {
	AuthConfigs       map[string]dockerAuth `json:"auths"`
	CredentialsStore  string                `json:"credsStore,omitempty"`
	CredentialHelpers map[string]string     `json:"credHelpers,omitempty"`
}

type dockerAuth struct {
	Username      string `json:"username,omitempty"`
	Password      string `json:"password,omitempty"`
	Auth          string `json:"auth,omitempty"`
	IdentityToken string `json:"identitytoken,omitempty"`
	RegistryToken string `json:"registrytoken,omitempty"`
}

// FuzzEdit holds Load and every edit to what Docker's decoder reads: the same inputs are accepted,
// an edit changes the meaning as it says and nothing else, members that are not ours keep their
// bytes, and taking an addition back gives the input again.
func FuzzEdit(f *testing.F) {
	for _, pattern := range []string{"testdata/edits/*.txtar", "testdata/configs/*.json"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			for _, part := range append(slices.Collect(maps.Values(sections(string(text)))), string(text)) {
				f.Add([]byte(part), "docker.io", "pat")
			}
		}
	}
	f.Add([]byte(`{"a" : [1 , 2] , "AUTHS":{"x":{"auth":"bTpw"}},"auths":null , "cred\u0048elpers" :{"\ud800":"x"}}`), "\xff", "<&>\u2028")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, input []byte, registry, name string) {
		// Docker's client takes the place of invalid UTF-8 in the arguments, too.
		registry, name = strings.ToValidUTF8(registry, "\ufffd"), strings.ToValidUTF8(name, "\ufffd")
		path := filepath.Join(dir, "config.json") // one process of the fuzzer runs one input at a time
		if err := os.WriteFile(path, input, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := dockerconfig.Load(path)
		before, ok := decodeDocker(input)
		if ok != (err == nil) {
			t.Fatalf("Load(%q) = %v, but Docker's decoder: %v", input, err, ok)
		}
		if !ok {
			return
		}
		if file.Changed() {
			t.Fatal("changed by Load")
		}
		checkMeaning(t, "load", file, before)
		checkEdits(t, path, input, registry, name)
	})
}

// checkEdits runs each edit alone on a fresh File.
func checkEdits(t *testing.T, path string, input []byte, registry, name string) {
	auth := dockerconfig.PlaintextAuth{ServerURL: registry, Username: "moby", Secret: secret.New(name + "x")}
	edits := []struct {
		name  string
		edit  func(*dockerconfig.File)
		model func(*docker)
	}{
		{"SetCredsStore", func(f *dockerconfig.File) { f.SetCredsStore(name) }, func(d *docker) { d.CredentialsStore = name }},
		{"RemoveCredsStore", (*dockerconfig.File).RemoveCredsStore, func(d *docker) { d.CredentialsStore = "" }},
		{"SetCredHelper", func(f *dockerconfig.File) { f.SetCredHelper(registry, name) }, func(d *docker) {
			d.CredentialHelpers = with(d.CredentialHelpers, registry, name)
		}},
		{"RemoveCredHelper", func(f *dockerconfig.File) { f.RemoveCredHelper(registry) }, func(d *docker) { delete(d.CredentialHelpers, registry) }},
		{"ClearAuth", func(f *dockerconfig.File) { f.ClearAuth(registry) }, func(d *docker) {
			if old, ok := d.AuthConfigs[registry]; ok {
				d.AuthConfigs[registry] = dockerAuth{RegistryToken: old.RegistryToken}
			}
		}},
		{"SetAuth", func(f *dockerconfig.File) {
			if err := f.SetAuth(auth); err != nil {
				t.Fatal(err)
			}
		}, nil},
		{"added and removed", func(f *dockerconfig.File) {
			members := topMembers(input)
			if _, ok := f.CredHelpers()[registry]; !ok && len(members) > 0 {
				f.SetCredHelper(registry, name)
				f.RemoveCredHelper(registry)
				held := slices.ContainsFunc(members, func(m member) bool { return strings.EqualFold(m.name, "credHelpers") })
				if f.Changed() && !held {
					t.Fatal("not as before")
				}
			}
		}, func(*docker) {}},
	}
	for _, e := range edits {
		if err := os.WriteFile(path, input, 0o600); err != nil {
			t.Fatal(err)
		}
		file := load(t, path)
		e.edit(file)
		if err := file.Save(); err != nil {
			t.Fatal(err)
		}
		output, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		after, ok := decodeDocker(output)
		if !ok {
			t.Fatalf("%s: Docker cannot read %q", e.name, output)
		}
		if e.model != nil {
			want, _ := decodeDocker(input)
			e.model(&want)
			if !reflect.DeepEqual(normal(after), normal(want)) {
				t.Fatalf("%s of %q: %q means %+v, want %+v", e.name, input, output, after, want)
			}
		} else if got, _ := plaintexts(file); !slices.Contains(got, plain{registry, "moby", name + "x"}) && after.AuthConfigs[registry].IdentityToken == "" {
			t.Fatalf("%s of %q: not in %q", e.name, input, output)
		}
		checkMeaning(t, e.name, file, after)
		if in, out := others(input), others(output); !slices.Equal(in, out) {
			t.Fatalf("%s of %q touched another member: %q became %q", e.name, input, in, out)
		}
	}
}

func checkMeaning(t *testing.T, what string, f *dockerconfig.File, want docker) {
	t.Helper()
	if f.CredsStore() != want.CredentialsStore || !maps.Equal(f.CredHelpers(), want.CredentialHelpers) {
		t.Fatalf("%s: read as %q %q, want %+v", what, f.CredsStore(), f.CredHelpers(), want)
	}
}

// decodeDocker decodes as Docker does, and wants an object and nothing behind it.
func decodeDocker(text []byte) (docker, bool) {
	var d docker
	trimmed := bytes.Trim(text, " \t\r\n")
	if len(trimmed) == 0 {
		return d, true
	}
	return d, json.Unmarshal(text, &d) == nil && trimmed[0] == '{'
}

func normal(d docker) docker {
	if len(d.CredentialHelpers) == 0 {
		d.CredentialHelpers = nil
	}
	if len(d.AuthConfigs) == 0 {
		d.AuthConfigs = nil
	}
	return d
}

func with(m map[string]string, key, value string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}

// A member is one name and the bytes of its value.
type member struct{ name, value string }

// topMembers reads the members of the object text with encoding/json alone.
func topMembers(text []byte) (found []member) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if _, err := decoder.Token(); err != nil { // the brace
		return nil
	}
	for decoder.More() {
		name, err := decoder.Token()
		var value json.RawMessage
		if err != nil || decoder.Decode(&value) != nil {
			return nil
		}
		found = append(found, member{name.(string), string(value)})
	}
	return found
}

// others are the members at the top that are not ours.
func others(text []byte) []member {
	return slices.DeleteFunc(topMembers(text), func(m member) bool {
		return slices.ContainsFunc([]string{"auths", "credsStore", "credHelpers"}, func(ours string) bool { return strings.EqualFold(ours, m.name) })
	})
}
