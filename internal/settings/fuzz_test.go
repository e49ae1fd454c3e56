package settings_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/docker-pat/docker-pat/internal/settings"
)

// FuzzPreferences reads what somebody wrote by hand: what is taken has a known meaning and keeps it when it
// is written again; what is not taken names the file, in one line.
func FuzzPreferences(f *testing.F) {
	for _, seed := range []string{
		`{"passwords":"store","scope":"repo:admin","expires":"never"}`, "{\n  \"scope\": \"repo:read\"\n}\n", `{}`, `null`, `{"passwords":null}`, `{"passwords":""}`,
		`{"PASSWORDS":"store"}`, `{"scope":"a","scope":"b"}`, `{"pasword":"store"}`, "{\"pass\\nword\":1}", `{} {}`, `{`, ``, `[]`, "\xef\xbb\xbf{}", `{"passwords":"\u001b[31m"}`, `// {}`,
	} {
		f.Add([]byte(seed))
	}
	dir := f.TempDir() // one process of the fuzzer runs one input at a time
	path := filepath.Join(dir, "config.json")
	read := func(t *testing.T, data []byte) (settings.Preferences, error) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return settings.Settings{ConfigDir: dir}.Preferences()
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		prefs, err := read(t, data)
		if err != nil {
			if !strings.Contains(err.Error(), path) || strings.ContainsFunc(err.Error(), unicode.IsControl) {
				t.Errorf("%q: %q should name the file, in one line", data, err)
			}
			return
		}
		if !slices.Contains([]string{settings.PasswordsExchange, settings.PasswordsStore, settings.PasswordsRefuse}, prefs.Passwords) {
			t.Errorf("%q: passwords is %q", data, prefs.Passwords)
		}
		text, err := json.Marshal(prefs)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := read(t, text); err != nil || again != prefs && prefs.Scope != "" && prefs.Expires != "" && prefs.RenewBefore != 0 {
			t.Errorf("%q is read as %+v, then as %+v, %v", data, prefs, again, err)
		}
	})
}
