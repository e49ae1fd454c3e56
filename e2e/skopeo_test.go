package e2e

import (
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// TestSkopeo stands for skopeo, podman and buildah, which read credHelpers and no credsStore.
func TestSkopeo(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "skopeo")
	m.signIn()
	m.run("docker-pat", "create", "laptop").exits(0)
	m.run("docker-pat", "setup", "--only", m.registry).exits(0)
	if c := m.config(); c.CredsStore != "" || c.CredHelpers[m.registry] != "pat" || len(c.CredHelpers) != 1 {
		t.Errorf("the helper should be that of %s alone:\n%s", m.registry, m.readConfig())
	}
	remote := "docker://" + m.registry + "/moby/hello:1"
	m.makeLayout("image")
	m.skopeoCopy(m.layout("image"), remote).exits(0)
	m.skopeoCopy(remote, m.layout("copy")).exits(0)
	if made, got := m.digest("image"), m.digest("copy"); made != got {
		t.Errorf("the image %s came back as %s", made, got)
	}
	m.noneOnDisk(m.credential(m.registry).Secret)

	m.run("docker-pat", "deactivate", "laptop").exits(0)
	m.skopeoCopy(remote, m.layout("denied")).exits(1).says("nauthorized")
	m.run("docker-pat", "activate", "laptop").exits(0)
	m.do(m.keyring.Lock(t.Context()))
	m.skopeoCopy(remote, m.layout("locked")).exits(1).says("docker-credential-pat: ", "locked")
}

func (m *machine) skopeoCopy(from, to string) result {
	m.t.Helper()
	return m.run("skopeo", "copy", "--insecure-policy", "--src-tls-verify=false", "--dest-tls-verify=false", from, to)
}

// layout is an image on disk, as skopeo names it.
func (m *machine) layout(name string) string { return "oci:" + filepath.Join(m.home, name) }

// makeLayout makes an image whose parts are all of OCI's kinds, so that nobody converts it on its way.
func (m *machine) makeLayout(name string) {
	m.t.Helper()
	layer, err := random.Layer(1<<10, types.OCILayer)
	m.do(err)
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.AppendLayers(base, layer)
	m.do(err)
	path, err := layout.Write(filepath.Join(m.home, name), empty.Index)
	m.do(err)
	m.do(path.AppendImage(image))
}

func (m *machine) digest(name string) string {
	m.t.Helper()
	path, err := layout.FromPath(filepath.Join(m.home, name))
	m.do(err)
	index, err := path.ImageIndex()
	m.do(err)
	manifest, err := index.IndexManifest()
	m.do(err)
	if len(manifest.Manifests) != 1 {
		m.t.Fatalf("one image was expected in %s: %+v", name, manifest)
	}
	return manifest.Manifests[0].Digest.String()
}
