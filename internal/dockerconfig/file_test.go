package dockerconfig_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/docker-pat/docker-pat/internal/dockerconfig"
)

func TestLoadReadsAsDockerDoes(t *testing.T) {
	t.Parallel()
	type view struct {
		Store   string
		Helpers map[string]string
		Changed bool
	}
	tests := []struct {
		name, text string
		want       view
	}{
		{"blank", " \r\n\t", view{}},
		{"empty", "", view{}},
		{"null members", `{"credsStore":null,"credHelpers":null,"auths":null}`, view{}},
		{"plain", `{"credsStore":"desktop","credHelpers":{"a":"b"}}`, view{Store: "desktop", Helpers: map[string]string{"a": "b"}}},
		{"an empty helper counts", `{"credHelpers":{"a":"","b":null}}`, view{Helpers: map[string]string{"a": "", "b": ""}}},
		{"escapes in names", `{"creds\u0053tore":"x"}`, view{Store: "x"}},
		{"letter case", `{"CREDSsTORE":"x","CredHelpers":{"A":"1","a":"2"}}`, view{Store: "x", Helpers: map[string]string{"A": "1", "a": "2"}}},
		{"the last holds", `{"credsStore":"x","credsstore":"y","credsStore":null}`, view{Store: "y"}},
		{"objects merge", `{"credHelpers":{"a":"1","b":"1"},"credHelpers":{"b":"2","b":"3"}}`, view{Helpers: map[string]string{"a": "1", "b": "3"}}},
		{"null empties", `{"credHelpers":{"a":"1"},"credHelpers":null,"credHelpers":{"b":"2"}}`, view{Helpers: map[string]string{"b": "2"}}},
	}
	for _, tt := range tests {
		f := load(t, write(t, tt.text))
		got := view{Store: f.CredsStore(), Helpers: f.CredHelpers(), Changed: f.Changed()}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
		if !f.Exists() {
			t.Errorf("%s: Exists() = false", tt.name)
		}
	}
}

func TestLoadWithoutFile(t *testing.T) {
	t.Parallel()
	f := load(t, dockerconfig.Path(filepath.Join(t.TempDir(), "none", "here")))
	if f.Exists() || f.Changed() || f.CredsStore() != "" || len(f.CredHelpers()) > 0 {
		t.Errorf("a missing file is not empty: %v", f)
	}
	if err := f.Save(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(f.Path())); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("saving nothing made the folder: %v", err)
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text   string
		line, column int
		problem      string
	}{
		{"array", `[]`, 1, 1, "is not a JSON object"},
		{"string", "\n \"x\"", 2, 2, "is not a JSON object"},
		{"null", `null`, 1, 1, "is not a JSON object"},
		{"line comment", "{\n  // no\n}", 2, 3, "invalid character '/' looking for beginning of object key string"},
		{"block comment", `{"a": /* no */ 1}`, 1, 7, "invalid character '/' looking for beginning of value"},
		{"trailing comma", "{\n  \"a\": 1,\n}\n", 3, 1, "invalid character '}' looking for beginning of object key string"},
		{"trailing comma in array", `{"a": [1,]}`, 1, 10, "invalid character ']' looking for beginning of value"},
		{"trailing garbage", "{}\n{}", 2, 1, "invalid character '{' after top-level value"},
		{"NUL at the end", "{}\x00", 1, 3, `invalid character '\x00' after top-level value`},
		{"cut short", "{\n\t\"auths\": {", 2, 12, "unexpected end of JSON input"},
		{"cut in a string", `{"a`, 1, 4, "unexpected end of JSON input"},
		{"wrong last byte", `{"a":1]`, 1, 7, "invalid character ']' after object key:value pair"},
		{"single quotes", `{'a': 1}`, 1, 2, `invalid character '\'' looking for beginning of object key string`},
		{"line end in a string", "{\"a\": \"x\ny\"}", 1, 9, `invalid character '\n' in string literal`},
		{"byte order mark", "\xef\xbb\xbf{}", 1, 1, "starts with a UTF-8 byte order mark, which JSON does not allow"},
		{"UTF-16", "\xff\xfe{\x00}\x00", 1, 1, "invalid character 'ÿ' looking for beginning of value"},
		{"auths array", `{"auths": []}`, 1, 11, "auths is not an object"},
		{"auths entry", "{\"auths\": {\n\t\"a\": \"b\"}}", 2, 7, "an entry of auths is not an object"},
		{"auth number", `{"auths": {"a": {"email": 1, "auth": 1}}}`, 1, 38, "a field in auths is not a string"},
		{"registrytoken", `{"auths": {"a": {"registrytoken": {}}}}`, 1, 35, "a field in auths is not a string"},
		{"credHelpers string", `{"credHelpers": "x"}`, 1, 17, "credHelpers is not an object"},
		{"credHelpers value", `{"credHelpers": {"a": false}}`, 1, 23, "a helper in credHelpers is not a string"},
		{"credsStore number", `{"credsStore": 1}`, 1, 16, "credsStore is not a string"},
		{"credsStore in another case", `{"CREDSSTORE": {}}`, 1, 16, "credsStore is not a string"},
		{"the first of two", `{"credsStore": 1, "credsStore": "x"}`, 1, 16, "credsStore is not a string"},
	}
	for _, tt := range tests {
		path := write(t, tt.text)
		_, err := dockerconfig.Load(path)
		want := dockerconfig.MalformedError{Path: path, Line: tt.line, Column: tt.column, Problem: tt.problem}
		got, ok := errors.AsType[*dockerconfig.MalformedError](err)
		if !ok || *got != want {
			t.Errorf("%s: %v, want %v", tt.name, err, &want)
		}
		if after := content(t, path); after != tt.text {
			t.Errorf("%s: the file is now %q", tt.name, after)
		}
	}
}

func TestLoadRefusesWhatIsNoFile(t *testing.T) {
	t.Parallel()
	if _, err := dockerconfig.Load(t.TempDir()); !errors.Is(err, dockerconfig.ErrNotRegular) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := dockerconfig.Load(os.DevNull); !errors.Is(err, dockerconfig.ErrNotRegular) {
		t.Errorf("a device: %v", err)
	}
	path := write(t, "{}")
	if _, err := dockerconfig.Load(filepath.Join(path, "config.json")); err == nil {
		t.Error("a file in place of the folder: no error")
	}
}

func TestFileIsNotPrinted(t *testing.T) {
	t.Parallel()
	canary := "Y2FuYXJ5" + "OnNlY3JldA=="
	f := load(t, write(t, `{"auths":{"a":{"auth":"`+canary+`"}}}`))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		got := fmt.Sprintf(verb, f)
		if strings.Contains(got, canary) || strings.Contains(got, fmt.Sprintf("%x", canary)) || !strings.HasPrefix(got, "config file ") {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}
