//go:build unix

package doctor_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/docker-pat/docker-pat/internal/doctor"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
)

func TestWired(t *testing.T) {
	t.Parallel()
	config := func(text string) func(*testing.T, *machine) {
		return func(t *testing.T, m *machine) { m.write(t, ".docker/config.json", text) }
	}
	const noPodman = "podman, skopeo and buildah do not ask docker-pat about docker.io"
	const wants = "run docker pat setup"
	examine(t, map[string]row{
		"no file": {
			func(t *testing.T, m *machine) { m.remove(t, ".docker/config.json") },
			[]doctor.Finding{
				{"docker-helper", problem, "Docker asks no credential helper about " + hub, wants},
				{"podman", note, noPodman, wants},
			},
		},
		"another store": {
			func(t *testing.T, m *machine) {
				m.program(t, "usr/docker-credential-pass")
				config(`{"credsStore":"pass"}`)(t, m)
			},
			[]doctor.Finding{
				{"docker-helper", problem, "Docker asks docker-credential-pass about " + hub, wants},
				{"podman", note, noPodman, wants},
			},
		},
		"a store that is gone": {
			config(`{"credsStore":"desktop","credHelpers":{"` + hub + `":"pat","docker.io":"pat"}}`),
			[]doctor.Finding{{"creds-store", problem, "docker-credential-desktop is not on PATH, and Docker asks it about every other registry", wants}},
		},
		"shadowed": {
			config(`{"credsStore":"pat","credHelpers":{"` + hub + `":"pass","docker.io":"pass","index.docker.io":"pass"}}`),
			[]doctor.Finding{
				{"docker-helper", problem, `credHelpers["` + hub + `"] names docker-credential-pass and goes before credsStore`, wants},
				{"cred-helpers", problem, `credHelpers["index.docker.io"] means ` + hub + `, too, and is not docker-pat's`, wants},
				{"podman", problem, `credHelpers["docker.io"] names "pass": podman, skopeo and buildah ask there`, wants},
			},
		},
		"shadowed by nothing": {
			config(`{"credsStore":"pat","credHelpers":{"` + hub + `":"","docker.io":"pat"}}`),
			[]doctor.Finding{{"docker-helper", problem, `credHelpers["` + hub + `"] is empty and goes before credsStore: Docker keeps that credential in clear`, wants}},
		},
		"a helper that is gone": {
			config(`{"credsStore":"pat","credHelpers":{"docker.io":"pat","gcr.io":"gcloud","ghcr.io":""}}`),
			[]doctor.Finding{{"cred-helpers", note, "not on PATH: docker-credential-gcloud for gcr.io", "install it, or take it out of ~/.docker/config.json"}},
		},
		"another registry": {
			func(t *testing.T, m *machine) {
				m.Settings.Registry = "localhost:5000"
				m.keeps.set("localhost:5000", secretstore.Credential{ServerURL: "localhost:5000", Username: "moby", Secret: secret.New(madeUp)})
				config(`{"credsStore":"pat","credHelpers":{"docker.io":"pat","localhost:5000":"pass"}}`)(t, m)
			},
			[]doctor.Finding{{"docker-helper", problem, `credHelpers["localhost:5000"] names docker-credential-pass and goes before credsStore`, wants}},
		},
	})
}

func TestBadConfig(t *testing.T) {
	t.Parallel()
	unknown := []doctor.Finding{
		{"docker-helper", note, "not checked: Docker's config.json cannot be read", ""},
		{"creds-store", note, "not checked: Docker's config.json cannot be read", ""},
		{"cred-helpers", note, "not checked: Docker's config.json cannot be read", ""},
		{"podman", note, "not checked: Docker's config.json cannot be read", ""},
		{"plaintext", note, "not checked: Docker's config.json cannot be read", ""},
		{"auths", note, "not checked: Docker's config.json cannot be read", ""},
		{"config-mode", note, "not checked: Docker's config.json cannot be read", ""},
	}
	examine(t, map[string]row{
		"malformed": {
			func(t *testing.T, m *machine) { m.write(t, ".docker/config.json", "{\n\"auths\": {},,\n}") },
			append([]doctor.Finding{{
				"docker-config", problem,
				"read Docker's configuration: ~/.docker/config.json:2:13: invalid character ',' looking for beginning of object key string",
				"correct line 2 of ~/.docker/config.json",
			}}, unknown...),
		},
		"folder": {
			func(t *testing.T, m *machine) {
				m.remove(t, ".docker/config.json")
				m.write(t, ".docker/config.json/x", "")
			},
			append([]doctor.Finding{{
				"docker-config", problem, "read Docker's configuration: read ~/.docker/config.json: not a regular file",
				"put a file in the place of ~/.docker/config.json",
			}}, unknown...),
		},
	})
}

func TestAuthConfig(t *testing.T) {
	t.Parallel()
	set := func(text string) func(*testing.T, *machine) {
		return func(_ *testing.T, m *machine) { m.env["DOCKER_AUTH_CONFIG"] = text }
	}
	examine(t, map[string]row{
		"of the registry": {
			set(`{"auths":{"` + hub + `":{"auth":"whale"}}}`),
			[]doctor.Finding{{"docker-auth-config", problem, "DOCKER_AUTH_CONFIG is set and goes before the helper: Docker takes its credential of " + hub + " from there", "unset DOCKER_AUTH_CONFIG"}},
		},
		"of others": {
			set(`{"auths":{"ghcr.io":{"auth":"whale"},"quay.io":{}}}`),
			[]doctor.Finding{{"docker-auth-config", note, "DOCKER_AUTH_CONFIG is set and goes before the helper, for ghcr.io, quay.io", "unset DOCKER_AUTH_CONFIG"}},
		},
		"of none":   {set(`{}`), []doctor.Finding{{"docker-auth-config", note, "DOCKER_AUTH_CONFIG is set and goes before the helper, for no registry", "unset DOCKER_AUTH_CONFIG"}}},
		"malformed": {set(`whale`), []doctor.Finding{{"docker-auth-config", note, "DOCKER_AUTH_CONFIG is set and cannot be read: Docker complains and ignores it", "unset DOCKER_AUTH_CONFIG"}}},
	})
}

func TestStore(t *testing.T) {
	t.Parallel()
	unknown := []doctor.Finding{
		{"index", note, "not checked: the store cannot be used", ""},
		{"session", note, "not checked: the store cannot be used", ""},
		{"credential", note, "not checked: the store cannot be used", ""},
		{"registry", note, "not checked: the store cannot be used", ""},
	}
	examine(t, map[string]row{
		"locked": {
			func(_ *testing.T, m *machine) { m.keeps.broken = secretstore.ErrLocked },
			append([]doctor.Finding{{"store", problem, "the keychain is locked", "unlock the keychain, by signing in to your desktop or with its own program, and try again"}}, unknown...),
		},
		"full": {
			func(_ *testing.T, m *machine) { m.keeps.broken = errors.New("no space left on device") },
			[]doctor.Finding{
				{"store", problem, "no space left on device", "see that there is room in ~/state and that your keychain takes new items"},
				{"index", problem, "no space left on device", "see that there is room in ~/state and that your keychain takes new items"},
				{"credential", note, "not checked: the credential cannot be read", ""},
				{"registry", note, "not checked: the credential cannot be read", ""},
			},
		},
		"damaged": {
			func(_ *testing.T, m *machine) { m.keeps.damaged = hub },
			[]doctor.Finding{
				{"index", problem, "the stored credential cannot be read", "erase it with docker logout and make a new one"},
				{"credential", note, "not checked: the credential cannot be read", ""},
				{"registry", note, "not checked: the credential cannot be read", ""},
			},
		},
		"named otherwise": {
			func(_ *testing.T, m *machine) {
				m.keeps.index[hub] = secretstore.Entry{ServerURL: hub, Username: "ada"}
			},
			[]doctor.Finding{{"index", problem, "it does not say of " + hub + " what the keychain holds", "remove ~/state/index.json: it is made again from the keychain"}},
		},
		"silent": {
			func(_ *testing.T, m *machine) { m.keeps.broken = secretstore.ErrTimeout },
			append([]doctor.Finding{{
				"store", problem, "the keychain did not answer in time",
				"see whether the keychain waits for its password, or allow more time with DOCKER_PAT_KEYCHAIN_TIMEOUT",
			}}, unknown...),
		},
		"lost by the keychain": {
			func(_ *testing.T, m *machine) { delete(m.keeps.items, hub) },
			[]doctor.Finding{
				{"index", note, "it named a credential for " + hub + " that the keychain has no more, and was corrected", ""},
				{"credential", problem, "there is none for " + hub + " any more", "run docker pat create"},
				{"registry", note, "not checked: there is no credential to ask about", ""},
			},
		},
		"left by a doctor": {
			func(_ *testing.T, m *machine) { m.keeps.set("docker-pat-doctor/OLD", secretstore.Credential{}) },
			[]doctor.Finding{{"index", note, "left behind by a doctor that was interrupted: docker-pat-doctor/OLD", "run docker pat credentials erase docker-pat-doctor/OLD"}},
		},
	})
}

// TestCannotErase names the item that is left, which is another one each time.
func TestCannotErase(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.keeps.stuck = errors.New("stuck")
	for f := range doctor.Examine(t.Context(), m.Options) {
		left := f.Check == "store" && f.Status == problem && strings.HasPrefix(f.Remedy, "run docker pat credentials erase docker-pat-doctor/")
		if (f.Check == "store") != left {
			t.Errorf("found %v", f)
		}
	}
}

// TestHanging gives up on a check that does not heed its deadline, and goes on.
func TestHanging(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t)
		release := make(chan struct{})
		m.Outside = hanging{m.outside, release}
		start := time.Now()
		got := m.findings(t)
		want := []doctor.Finding{
			{"clock", problem, "the check did not end in 15s", "see whether a file that it reads is a pipe or lies where nothing answers"},
		}
		if !reflect.DeepEqual(got, want) || time.Since(start) > 20*time.Second {
			t.Errorf("after %v found\n%s\nwant\n%s", time.Since(start), lines(got), lines(want))
		}
		close(release)
	})
}

type hanging struct {
	*outside
	release chan struct{}
}

func (h hanging) ClockOffset(context.Context) (time.Duration, error) {
	<-h.release
	return 0, nil
}
