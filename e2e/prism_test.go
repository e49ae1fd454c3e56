package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/testbed"
)

// An apiDocument is an OpenAPI document that servers are made from, and what is in its examples.
type apiDocument struct {
	path          string
	token, id     string // label and id of the personal token
	orgToken      string // label of the organization's
	off, orgOff   string // labels of those that are switched off; "" when there are none
	expired       bool   // both tokens are past their expiry
	serverFailure bool   // it describes a 500
}

// apiDocuments are that of this project and, where it is kept beside the checkout, the excerpt of Docker's own.
func apiDocuments(t *testing.T) map[string]apiDocument {
	t.Helper()
	documents := map[string]apiDocument{
		"ours": {
			path: "../docs/hub-api.yaml", token: "laptop", id: "b30bbf97-506c-4ecd-aabc-842f3cb484fb", orgToken: "ci",
			off: "desktop", orgOff: "nightly", serverFailure: true,
		},
		"Docker's": {
			path: "../../shared/hub-api/openapi.yaml", token: "My read only token", id: "b30bbf97-506c-4ecd-aabc-842f3cb484fb",
			orgToken: "My organization token", expired: true,
		},
	}
	for name, d := range documents {
		path, err := filepath.Abs(d.path)
		if err == nil {
			_, err = os.Stat(path)
		}
		if d.path = path; err != nil && name != "ours" {
			t.Logf("left out, and so not tested: %v", err)
			delete(documents, name)
			continue
		}
		documents[name] = d
	}
	return documents
}

// newMockedMachine has a mock server for its Docker Hub. Nobody can be asked about the tokens that it gives, so its
// registry is out of reach.
func newMockedMachine(t *testing.T, d apiDocument, programs ...string) (*machine, *relay) {
	t.Helper()
	m := newMachine(t, programs...)
	r := newRelay(t, testbed.PrismFor(t, d.path, "").URL)
	m.registry = "localhost:1"
	m.env = append(m.env, "DOCKER_PAT_HUB_URL="+r.URL, "DOCKER_PAT_REGISTRY="+m.registry)
	return m, r
}

// TestMockServer has every command that is about tokens speak to a mock server. It answers with the examples of
// its document, whatever was done before, and refuses what does not fit the document.
func TestMockServer(t *testing.T) {
	t.Parallel()
	for name, d := range apiDocuments(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, r := newMockedMachine(t, d, "true")
			r.refuses(t)
			m.signIn()
			m.signsInWithCode(r)
			m.managesMocked(d)
			m.managesMockedOrg(d)
			for _, list := range []string{"/v2/access-tokens", "/v2/orgs/*/access-tokens"} {
				r.asked(t, "GET "+list, "POST "+list, "GET "+list+"/*", "PATCH "+list+"/*", "DELETE "+list+"/*")
			}
		})
	}
}

// refuses checks that a wrong request would be noticed.
func (r *relay) refuses(t *testing.T) {
	t.Helper()
	resp, err := http.Post(r.URL+"/v2/users/login", "application/json", strings.NewReader(`{"username":"moby"}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if wrong := r.taken(); len(wrong) != 1 || !strings.Contains(wrong[0], "required property 'password'") {
		t.Errorf("of a sign-in without a password, answered by %d, this is found: %q", resp.StatusCode, wrong)
	}
}

func (m *machine) signsInWithCode(r *relay) {
	m.t.Helper()
	login := []string{"docker-pat", "login", "-u", user, "--password-stdin"}
	restore := r.forcing("POST /v2/users/login", "code=401, example=second_factor_required")
	m.feed(password, append(login, "--otp", "123456")...).exits(0).says("Signed in as " + user)
	m.feed(password, login...).exits(4).says("a two-factor authentication code is needed", "--otp")
	restore()
	r.asked(m.t, "POST /v2/users/2fa-login")
	defer r.forcing("POST /v2/users/login", "code=401, example=wrong_credentials")()
	m.feed(password, login...).exits(1).says("Incorrect authentication credentials", "check the name and the password")
}

// managesMocked tries the commands about the user's tokens.
func (m *machine) managesMocked(d apiDocument) {
	m.t.Helper()
	m.run("docker-pat", "list").exits(0).says("LABEL", d.token, d.id)
	all := m.tokens()
	if len(all) == 0 || all[0].Label == "" {
		m.t.Errorf("the list is %+v", all)
	}
	m.run("docker-pat", "list", "--filter", "source=manual", "--sort", "-created", "--format", "{{.label}} {{.id}}").exits(0).says(d.token + " " + d.id + "\n")
	m.run("docker-pat", "inspect", d.token).exits(0).says(d.id)
	m.run("docker-pat", "inspect", d.id[:8], "--format", "{{.label}}").exits(0).prints(d.token + "\n")
	m.run("docker-pat", "audit").exits(0)
	m.run("docker-pat", "prune", "--expired", "--inactive", "--dry-run").exits(0)
	m.printedToken("printed")
	m.run("docker-pat", "create", "used", "--scope", "repo:read", "--expires", "30d").exits(0)
	m.run("docker-pat", "rotate").exits(0)
	m.run("docker-pat", "exec", "--", "true").exits(0)
	m.changesMocked(d, d.token, d.off)
}

// managesMockedOrg tries the commands about the tokens of an organization.
func (m *machine) managesMockedOrg(d apiDocument) {
	m.t.Helper()
	org := []string{"--org", organization}
	m.run("docker-pat", "list", "--org", organization).exits(0).says(d.orgToken)
	var all []token
	m.run("docker-pat", "list", "--org", organization, "--json").exits(0).decode(&all)
	if len(all) == 0 || all[0].Label == "" {
		m.t.Errorf("the list is %+v", all)
	}
	m.run("docker-pat", "inspect", "--org", organization, d.orgToken).exits(0).says("scope-image-pull")
	m.run("docker-pat", "audit", "--org", organization).exits(0)
	m.run("docker-pat", "create", "printed", "--org", organization, "--repo", "hello:pull,push", "--print").exits(0)
	m.changesMocked(d, d.orgToken, d.orgOff, org...)
}

// changesMocked renames, switches and deletes a token. One that has expired can only be deleted.
func (m *machine) changesMocked(d apiDocument, label, off string, flags ...string) {
	m.t.Helper()
	run := func(args ...string) result {
		return m.run(append(append([]string{"docker-pat"}, args...), flags...)...)
	}
	if d.expired {
		run("rename", label, "another").exits(1).says("has expired")
		run("activate", label).exits(1).says("has expired")
	} else {
		run("rename", label, "another").exits(0)
		run("activate", off).exits(0)
	}
	run("deactivate", label).exits(0)
	run("delete", "--yes", label).exits(0).says("Deleted " + label)
}

// TestMockServerFails has a mock server answer with each of the failures that its document describes.
func TestMockServerFails(t *testing.T) {
	t.Parallel()
	const list = "/v2/access-tokens"
	const orgList = "/v2/orgs/*/access-tokens"
	for name, d := range apiDocuments(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, r := newMockedMachine(t, d)
			m.signIn()
			for _, test := range []struct {
				operation, status string
				command           []string
				code              int
				says              []string
			}{
				{"POST " + list, "400", []string{"create", "new", "--print"}, 1, []string{"create a personal access token", "400", "bad request"}},
				{"GET " + list, "400", []string{"list"}, 1, []string{"list personal access tokens", "400", "bad request"}},
				{"GET " + list, "401", []string{"list"}, 4, []string{"401", "unauthorized", "docker-pat login"}},
				{"DELETE " + list + "/*", "401", []string{"delete", "--yes", d.token}, 4, []string{"401", "docker-pat login"}},
				{"GET " + list, "403", []string{"audit"}, 1, []string{"403", "token issued from personal access token is not allowed", "docker-pat login"}},
				{"GET " + orgList, "403", []string{"list", "--org", organization}, 1, []string{"403", organization, "permission denied"}},
				{"GET " + list + "/*", "404", []string{"inspect", d.token}, 1, []string{d.token, "was deleted meanwhile"}},
				{"GET " + orgList, "404", []string{"list", "--org", organization}, 1, []string{"404", organization}},
				{"GET " + list, "429", []string{"list"}, 1, []string{"429", "Rate limit exceeded", "try again after"}},
				{"PATCH " + list + "/*", "429", []string{"deactivate", d.token}, 1, []string{"429", "try again after"}},
				{"GET " + list, "500", []string{"prune", "--expired", "--dry-run"}, 1, []string{"500", "internal error"}},
				{"PATCH " + orgList + "/*", "500", []string{"deactivate", "--org", organization, d.orgToken}, 1, []string{"500", "internal error"}},
			} {
				if test.status == "500" && !d.serverFailure {
					continue
				}
				restore := r.forcing(test.operation, "code="+test.status)
				m.run(append([]string{"docker-pat"}, test.command...)...).exits(test.code).says(test.says...).says("docker-pat: ").prints("")
				restore()
			}
		})
	}
}

// TestCheckedByPrism puts Prism between docker-pat and the sandbox: what either says to the other has to fit the
// document.
func TestCheckedByPrism(t *testing.T) {
	t.Parallel()
	for name, d := range apiDocuments(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			r := newRelay(t, testbed.PrismFor(t, d.path, m.hub.URL+sandbox.HubPath).URL)
			m.env = append(m.env, "DOCKER_PAT_HUB_URL="+r.URL)
			r.refuses(t)
			m.signIn()
			m.run("docker-pat", "create", "laptop", "--expires", "30d").exits(0)
			m.goesThroughLife("laptop")
			m.run("docker-pat", "create", "build", "--org", organization, "--repo", "hello:pull,push").exits(0)
			m.goesThroughLife("build", "--org", organization)
			m.noneOnDisk()
		})
	}
}

// goesThroughLife does to a token all that can be done to it.
func (m *machine) goesThroughLife(label string, flags ...string) {
	m.t.Helper()
	run := func(args ...string) result {
		return m.run(append(append([]string{"docker-pat"}, args...), flags...)...)
	}
	run("list").exits(0).says(label)
	run("rename", label, "renamed").exits(0)
	run("inspect", "renamed").exits(0).says("renamed")
	run("rotate").exits(0)
	run("deactivate", "renamed").exits(0)
	run("activate", "renamed").exits(0)
	run("delete", "--yes", "renamed").exits(0).says("Deleted renamed")
	run("list", "-q").exits(0).prints("")
}
