package sandbox_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/crane"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// image names an image by localhost, as people do.
func (h hub) image(name string) string {
	_, port, _ := strings.Cut(h.Addr, ":")
	return "localhost:" + port + "/" + name
}

func with(name, secret string) []crane.Option {
	auth := authn.Anonymous
	if name != "" {
		auth = &authn.Basic{Username: name, Password: secret}
	}
	return []crane.Option{crane.WithAuth(auth)}
}

func (h hub) push(name, user, secret string, image v1.Image) error {
	return crane.Push(image, h.image(name), with(user, secret)...)
}

// pull fetches an image and reads it to the end.
func (h hub) pull(name, user, secret string) error {
	image, err := crane.Pull(h.image(name), with(user, secret)...)
	if err != nil {
		return err
	}
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	for _, layer := range layers {
		content, err := layer.Compressed()
		if err != nil {
			return err
		}
		if err := content.Close(); err != nil {
			return err
		}
	}
	return nil
}

func (h hub) remove(name, user, secret string) error {
	digest, err := crane.Digest(h.image(name), with("moby", password)...)
	if err != nil {
		return err
	}
	repository, _, _ := strings.Cut(name, ":")
	return crane.Delete(h.image(repository+"@"+digest), with(user, secret)...)
}

// refused reports whether the registry or its token endpoint said no.
func refused(err error) bool {
	var problem *transport.Error
	return errors.As(err, &problem) && (problem.StatusCode == http.StatusUnauthorized || problem.StatusCode == http.StatusForbidden)
}

func newImage(t *testing.T) v1.Image {
	t.Helper()
	image, err := random.Image(512, 2)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func TestRegistryScopes(t *testing.T) {
	h := startHub(t, nil)
	session := h.signIn("moby")
	secrets := map[string]string{"password": password}
	for _, scope := range []string{"repo:admin", "repo:write", "repo:read", "repo:public_read"} {
		_, secrets[scope] = h.create(session, scope, scope)
	}
	_, bobs := h.create(h.signIn("bob"), "ci", "repo:admin")
	secrets["bob"] = bobs
	image := newImage(t)
	for _, name := range []string{"moby/secret:1", "moby/hello:1"} {
		if err := h.push(name, "moby", password, image); err != nil {
			t.Fatal(err)
		}
	}
	type deeds struct{ pull, pullPublic, push, remove bool }
	tests := map[string]deeds{
		"password":         {true, true, true, true},
		"repo:admin":       {true, true, true, true},
		"repo:write":       {true, true, true, false},
		"repo:read":        {true, true, false, false},
		"repo:public_read": {false, true, false, false},
		"bob":              {false, true, false, false},
		"anonymous":        {false, true, false, false},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			user := map[string]string{"bob": "bob", "anonymous": ""}
			account, ok := user[name]
			if !ok {
				account = "moby"
			}
			secret := secrets[name]
			errs := map[string]error{
				"pull":        h.pull("moby/secret:1", account, secret),
				"pull public": h.pull("moby/hello:1", account, secret),
				"push":        h.push("moby/hello:2", account, secret, newImage(t)),
			}
			doomed := "moby/doomed-" + strings.NewReplacer(":", "-", "_", "-").Replace(name) + ":1"
			if err := h.push(doomed, "moby", password, image); err != nil {
				t.Fatal(err)
			}
			errs["delete"] = h.remove(doomed, account, secret)
			for deed, allowed := range map[string]bool{"pull": want.pull, "pull public": want.pullPublic, "push": want.push, "delete": want.remove} {
				if err := errs[deed]; allowed && err != nil || !allowed && !refused(err) {
					t.Errorf("%s: got error %v, allowed is %v", deed, err, allowed)
				}
			}
		})
	}
}

func TestTokenEndsAtTheRegistry(t *testing.T) {
	h := startHub(t, nil)
	session := h.signIn("moby")
	if err := h.push("moby/secret:1", "moby", password, newImage(t)); err != nil {
		t.Fatal(err)
	}
	const manifest = "/v2/moby/secret/manifests/1"
	ends := map[string]func(item string){
		"deactivated": func(item string) {
			h.want(200, h.send("PATCH", item, session, map[string]any{"is_active": false}))
		},
		"deleted": func(item string) { h.want(204, h.send("DELETE", item, session, nil)) },
		"expired": func(string) { h.clock.advance(time.Minute + time.Second) },
	}
	for name, end := range ends {
		body := map[string]any{
			"token_label": name, "scopes": []string{"repo:read"},
			"expires_at": h.clock.now().Add(time.Minute).Format("2006-01-02T15:04:05.000000Z"),
		}
		made := h.want(201, h.send("POST", tokensPath, session, body))
		secret := made.string("token")
		bearer := h.basic("moby", secret, "repository:moby/secret:pull").string("token")
		if err := h.pull("moby/secret:1", "moby", secret); err != nil {
			t.Errorf("%s: before: %v", name, err)
		}
		h.want(200, h.send("GET", manifest, bearer, nil))
		end(tokensPath + "/" + made.string("uuid"))
		if err := h.pull("moby/secret:1", "moby", secret); !refused(err) {
			t.Errorf("%s: after: got error %v", name, err)
		}
		h.want(401, h.send("GET", manifest, bearer, nil)) // at once, not minutes later
	}
}

func TestChallenges(t *testing.T) {
	h := startHub(t, nil)
	if err := h.push("moby/secret:1", "moby", password, newImage(t)); err != nil {
		t.Fatal(err)
	}
	base := `Bearer realm="` + h.URL + `/token",service="hub-sandbox"`
	empty := h.basic("moby", password).string("token")
	reader := h.basic("moby", password, "repository:moby/secret:pull").string("token")
	old := h.basic("moby", password, "repository:moby/secret:pull").string("token")
	tests := []struct{ name, method, path, bearer, want, code string }{
		{"ping", "GET", "/v2/", "", base, "UNAUTHORIZED"},
		{"pull", "GET", "/v2/moby/secret/manifests/1", "", base + `,scope="repository:moby/secret:pull"`, "UNAUTHORIZED"},
		{"push", "POST", "/v2/moby/secret/blobs/uploads/", reader, base + `,scope="repository:moby/secret:pull,push",error="insufficient_scope"`, "DENIED"},
		{"delete", "DELETE", "/v2/moby/secret/manifests/1", reader, base + `,scope="repository:moby/secret:delete",error="insufficient_scope"`, "DENIED"},
		{"mount", "POST", "/v2/moby/a/blobs/uploads/?mount=sha256:00&from=moby/b", reader, base + `,scope="repository:moby/a:pull,push repository:moby/b:pull",error="insufficient_scope"`, "DENIED"},
		{"mount from no name", "POST", "/v2/moby/a/blobs/uploads/?mount=sha256:00&from=%22x", reader, base + `,scope="repository:moby/a:pull,push",error="insufficient_scope"`, "DENIED"},
		{"nothing granted", "GET", "/v2/moby/secret/tags/list", empty, base + `,scope="repository:moby/secret:pull",error="insufficient_scope"`, "DENIED"},
		{"catalog", "GET", "/v2/_catalog", reader, base + `,scope="registry:catalog:*",error="insufficient_scope"`, "DENIED"},
		{"garbage", "GET", "/v2/", "a.b.c", base + `,error="invalid_token"`, "UNAUTHORIZED"},
		{"session", "GET", "/v2/", h.signIn("moby"), base + `,error="invalid_token"`, "UNAUTHORIZED"},
	}
	for _, test := range tests {
		got := h.want(401, h.send(test.method, test.path, test.bearer, nil))
		if header := got.header.Get("Www-Authenticate"); header != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, header, test.want)
		}
		if !strings.HasPrefix(got.text, `{"errors":[{"code":"`+test.code+`","message":"`) {
			t.Errorf("%s: got body %s", test.name, got.text)
		}
	}
	h.want(200, h.send("GET", "/v2/", empty, nil))
	h.want(200, h.send("GET", "/v2/moby/secret/tags/list", old, nil))
	h.clock.advance(301 * time.Second)
	h.want(401, h.send("GET", "/v2/moby/secret/tags/list", old, nil))

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL+"/v2/", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "localhost:5555"
	if got := h.do(request).header.Get("Www-Authenticate"); !strings.HasPrefix(got, `Bearer realm="http://localhost:5555/token"`) {
		t.Errorf("by another name: got %s", got)
	}
}

func TestBlobsStayInTheirRepository(t *testing.T) {
	h := startHub(t, nil)
	image := newImage(t)
	if err := h.push("moby/secret:1", "moby", password, image); err != nil {
		t.Fatal(err)
	}
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	bob := h.basic("bob", password, "repository:bob/copy:pull,push", "repository:moby/secret:pull").string("token")
	mount := "/blobs/uploads/?mount=" + digest.String() + "&from=moby/secret"
	h.want(202, h.send("POST", "/v2/bob/copy"+mount, bob, nil)) // an upload begins, as for any blob
	h.want(404, h.send("GET", "/v2/bob/copy/blobs/"+digest.String(), bob, nil))

	moby := h.basic("moby", password, "repository:moby/copy:pull,push,delete repository:moby/secret:pull").string("token")
	h.want(202, h.send("POST", "/v2/moby/copy/blobs/uploads/?mount=sha256:"+strings.Repeat("0", 64)+"&from=moby/secret", moby, nil))
	mounted := h.want(201, h.send("POST", "/v2/moby/copy"+mount, moby, nil))
	if got := mounted.header.Get("Location"); got != "/v2/moby/copy/blobs/"+digest.String() {
		t.Errorf("got location %q", got)
	}
	blob := "/v2/moby/copy/blobs/" + digest.String()
	h.want(200, h.send("GET", blob, moby, nil))
	h.want(202, h.send("DELETE", blob, moby, nil))
	h.want(404, h.send("GET", blob, moby, nil))
	if err := h.pull("moby/secret:1", "moby", password); err != nil {
		t.Errorf("the first repository lost its blob: %v", err)
	}
}

func TestRegistryPaths(t *testing.T) {
	h := startHub(t, nil)
	defer h.AllowInvalid()()
	bearer := h.basic("moby", password, "repository:moby/hello:pull,push").string("token")
	for _, path := range []string{
		"/v2/moby/hello", "/v2/moby/hello/manifests/", "/v2/moby/../bob/manifests/1", "/v2/Moby/hello/manifests/1",
		"/v2//manifests/1", "/v2/moby/hello/manifests/1/", "/v2/moby/hello/tags/other",
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+bearer)
		if got := h.do(request); got.status != 404 {
			t.Errorf("%s: got %d %s", path, got.status, got.text)
		}
	}
}
