package dockerconfig_test

import (
	"encoding/base64"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/docker-pat/docker-pat/internal/dockerconfig"
	"github.com/docker-pat/docker-pat/internal/secret"
)

// plain is a PlaintextAuth that can be compared.
type plain struct{ Server, User, Secret string }

func plaintexts(f *dockerconfig.File) (found []plain, faults []error) {
	auths, errs := f.PlaintextAuths()
	for _, a := range auths {
		found = append(found, plain{a.ServerURL, a.Username, a.Secret.Reveal()})
	}
	for _, err := range errs {
		faults = append(faults, err)
	}
	return found, faults
}

func TestPlaintextAuths(t *testing.T) {
	t.Parallel()
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	tests := []struct {
		name, auths string
		want        []plain
		faults      []error
	}{
		{"none", `{}`, nil, nil},
		{"markers", `{"a":{},"b":null,"c":{"email":"x"},"d":{"auth":""}}`, nil, nil},
		{"auth", `{"a":{"auth":"` + b64("moby:dckr_"+"pat_x") + `"}}`, []plain{{"a", "moby", "dckr_" + "pat_x"}}, nil},
		{"colons", `{"a":{"auth":"` + b64("moby:a:b:") + `"}}`, []plain{{"a", "moby", "a:b:"}}, nil},
		{"NUL", `{"a":{"auth":"` + b64("moby:a\x00b\x00\x00") + `"}}`, []plain{{"a", "moby", "a\x00b"}}, nil},
		{"line end in base64", `{"a":{"auth":"bW9i\neTpw"}}`, []plain{{"a", "moby", "p"}}, nil},
		{"fields", `{"a":{"username":"moby","password":"p"}}`, []plain{{"a", "moby", "p"}}, nil},
		{"auth beats fields", `{"a":{"auth":"` + b64("moby:p") + `","username":"x","password":"y"}}`, []plain{{"a", "moby", "p"}}, nil},
		{"identity token", `{"a":{"identitytoken":"t"}}`, []plain{{"a", "<token>", "t"}}, nil},
		{"identity token beats auth", `{"a":{"auth":"` + b64("0-0:") + `","identitytoken":"t"}}`, []plain{{"a", "<token>", "t"}}, nil},
		{"a name and no secret", `{"a":{"auth":"` + b64("moby:") + `"},"b":{"username":"moby"}}`, nil, nil},
		{"sorted", `{"b":{"auth":"` + b64("m:2") + `"},"a":{"auth":"` + b64("m:1") + `"}}`, []plain{{"a", "m", "1"}, {"b", "m", "2"}}, nil},
		{
			"faults leave the others", `{"a":{"auth":"%%%"},"b":{"auth":"` + b64("nocolon") + `"},"c":{"auth":"` + b64(":p") + `"},"d":{"password":"p"},"e":{"auth":"` + b64("m:p") + `"}}`,
			[]plain{{"e", "m", "p"}},
			[]error{dockerconfig.ErrBadAuth, dockerconfig.ErrBadAuth, dockerconfig.ErrBadAuth, dockerconfig.ErrNoUsername},
		},
		{"registry token", `{"a":{"registrytoken":"r","auth":"` + b64("m:p") + `"}}`, []plain{{"a", "m", "p"}}, []error{dockerconfig.ErrRegistryToken}},
		{"letter case", `{"a":{"AUTH":"` + b64("m:p") + `"}}`, []plain{{"a", "m", "p"}}, nil},
	}
	for _, tt := range tests {
		f := load(t, write(t, `{"auths":`+tt.auths+`}`))
		got, faults := plaintexts(f)
		if !slices.Equal(got, tt.want) || !slices.EqualFunc(faults, tt.faults, errors.Is) {
			t.Errorf("%s: %v %v, want %v %v", tt.name, got, faults, tt.want, tt.faults)
		}
	}
}

func TestAuthErrorNamesTheEntryAndNoSecret(t *testing.T) {
	t.Parallel()
	f := load(t, write(t, `{"auths":{"a\u001b":{"auth":"canary%"}}}`))
	_, faults := f.PlaintextAuths()
	want := `auths["a\x1b"]: auth is not the base64 form of user:secret: illegal base64 data at input byte 6`
	if len(faults) != 1 || faults[0].Error() != want {
		t.Errorf("%v, want %s", faults, want)
	}
}

func TestClearAuthLeavesTheRest(t *testing.T) {
	t.Parallel()
	path := write(t, `{"auths": {"a": {"username":"u", "x":1, "PASSWORD":"p", "registrytoken":"r", "auth":"%", "identitytoken":"t"}, "A": {"auth":"x"}}}`)
	f := load(t, path)
	f.ClearAuth("a")
	f.ClearAuth("none")
	if err := f.Save(); err != nil {
		t.Fatal(err)
	}
	want := `{"auths": {"a": {"x":1, "registrytoken":"r"}, "A": {"auth":"x"}}}`
	if got := content(t, path); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestSetAuthIsReadBack(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		auth plain
		err  error
	}{
		{"password", plain{"a", "moby", "dckr_" + "pat_x"}, nil},
		{"colons in the secret", plain{"a", "moby", ":x:"}, nil},
		{"colon in the name", plain{"a", "mo:by", "x"}, nil},
		{"NUL at the end", plain{"a", "moby", "x\x00"}, nil},
		{"bytes that are no UTF-8", plain{"a", "moby", "\xff\xfe"}, nil},
		{"identity token", plain{"a", "<token>", "t<&>\u2028"}, nil},
		{"an odd server", plain{"a \"b\"\\\n", "moby", "x"}, nil},
		{"no name", plain{"a", "", "x"}, dockerconfig.ErrNoUsername},
		{"identity token that is no UTF-8", plain{"a", "<token>", "\xff"}, dockerconfig.ErrUnwritable},
		{"colon and no UTF-8", plain{"a", "mo:by", "\xff"}, dockerconfig.ErrUnwritable},
	}
	for _, tt := range tests {
		f := load(t, write(t, `{"auths": {"a": {"username": "old", "password": "old"}}}`))
		err := f.SetAuth(dockerconfig.PlaintextAuth{ServerURL: tt.auth.Server, Username: tt.auth.User, Secret: secret.New(tt.auth.Secret)})
		if !errors.Is(err, tt.err) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.err)
			continue
		}
		if tt.err != nil {
			if f.Changed() {
				t.Errorf("%s: changed", tt.name)
			}
			continue
		}
		if err := f.Save(); err != nil {
			t.Fatal(err)
		}
		if got, faults := plaintexts(load(t, f.Path())); !slices.Contains(got, tt.auth) || faults != nil {
			t.Errorf("%s: %q %v", tt.name, got, faults)
		}
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	canaries := []string{"bW9ieTp3aGFsZQ==", "whale", "canary"}
	f := load(t, write(t, `{"credsStore":"desktop","credHelpers":{"gcr.io":"gcloud","x":""},
		"auths":{"a":{"auth":"bW9ieTp3aGFsZQ=="},"b":{"username":"moby","password":"canary"},"c":{"identitytoken":"canary"}}}`))
	if got := f.Changes(); got != nil {
		t.Errorf("nothing was done: %v", got)
	}
	f.SetCredsStore("pat\x1b[31m")
	f.SetCredHelper("docker.io", "pat")
	f.SetCredHelper("x", "pat")
	f.RemoveCredHelper("gcr.io")
	f.ClearAuth("b")
	f.ClearAuth("c")
	for _, server := range []string{"a", "new"} {
		if err := f.SetAuth(dockerconfig.PlaintextAuth{ServerURL: server, Username: "gordon", Secret: secret.New("canary")}); err != nil {
			t.Fatal(err)
		}
	}
	got := f.Changes()
	want := []string{
		`credsStore: "desktop" -> "pat\x1b[31m"`,
		`credHelpers["docker.io"]: (none) -> "pat"`,
		`credHelpers["gcr.io"]: "gcloud" -> (none)`,
		`credHelpers["x"]: "" -> "pat"`,
		`auths["a"].auth: [redacted] -> [redacted] (another)`,
		`auths["b"].username: "moby" -> (none)`,
		`auths["b"].password: [redacted] -> (none)`,
		`auths["c"].identitytoken: [redacted] -> (none)`,
		`auths["new"].auth: (none) -> [redacted]`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, canary := range canaries {
		if strings.Contains(strings.Join(got, "\n"), canary) {
			t.Errorf("%q is shown", canary)
		}
	}
	if err := f.Save(); err != nil {
		t.Fatal(err)
	}
	if f.Changed() || f.Changes() != nil {
		t.Errorf("changes are left after Save: %v", f.Changes())
	}
}
