//go:build unix

package wiring

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/docker-pat/docker-pat/internal/dockerconfig"
)

// FuzzRecord reads a setup.json that somebody else wrote. What can be read is kept as it is, that of other
// config.json files included; and an undo by it leaves a file that Docker can read and that is not ours.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"version":1,"configs":{"C":{"creds_store":{"before":"desktop","after":"pat"},"cred_helpers":{"docker.io":null,"ghcr.io":"gh"},"from_plaintext":["https://index.docker.io/v1/"],"links":["/home/moby/.local/bin/docker-credential-pat"]},"other":{"links":["x"]}}}`))
	for _, seed := range []string{
		`{"version":1,"configs":{}}`, `{"configs":null}`, `{}`, `null`, ``, `[]`, `{"configs":{"C":null}}`, `{"version":2,"configs":{"C":{"creds_store":{}}}}`,
		`{"configs":{"C":{"creds_store":{"before":"pat","after":"pat"},"cred_helpers":{"docker.io":"pat","":""}}}}`, `{"configs":{"C":{"cred_helpers":{"docker.io":"\ud800"}}}}`,
	} {
		f.Add([]byte(seed))
	}
	dir := f.TempDir() // one process of the fuzzer runs one input at a time
	const name = "C"
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(recordPath(dir), data, 0o600); err != nil {
			t.Fatal(err)
		}
		rec, err := readRecord(dir, name)
		if err != nil {
			return
		}
		before, err := readRecords(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := writeRecord(dir, name, rec); err != nil {
			t.Fatalf("%q is read and cannot be written: %v", data, err)
		}
		again, err := readRecord(dir, name)
		if err != nil || asText(t, again) != asText(t, rec) {
			t.Errorf("%q is read as %s, then as %s, %v", data, asText(t, rec), asText(t, again), err)
		}
		if err := removeRecord(dir, name); err != nil {
			t.Fatal(err)
		}
		after, err := readRecords(dir)
		delete(before.Configs, name)
		if err != nil || len(after.Configs) != len(before.Configs) || len(before.Configs) > 0 && !reflect.DeepEqual(after, before) {
			t.Errorf("%q: those of other files were %s and are %s, %v", data, asText(t, before), asText(t, after), err)
		}
		wantUndone(t, dir, rec)
	})
}

func asText(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func wantUndone(t *testing.T, dir string, rec record) {
	t.Helper()
	path := filepath.Join(dir, "config.json")
	text := `{"x":[1,  2],"credsStore":"pat","credHelpers":{"docker.io":"pat","ghcr.io":"pat","gcr.io":"gcloud"}}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := dockerconfig.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	restoreKeys(config, rec)
	if err := config.Save(); err != nil {
		t.Fatal(err)
	}
	if config, err = dockerconfig.Load(path); err != nil {
		t.Fatalf("after undo: %v", err)
	}
	if config.CredHelpers()["gcr.io"] != "gcloud" {
		t.Errorf("undo by %s changed the helper of another registry to %q", asText(t, rec), config.CredHelpers()["gcr.io"])
	}
	if config.CredsStore() == Suffix || config.CredHelpers()["docker.io"] == Suffix || config.CredHelpers()["ghcr.io"] == Suffix {
		t.Errorf("undo by %s leaves credsStore %q, credHelpers %q", asText(t, rec), config.CredsStore(), config.CredHelpers())
	}
}
