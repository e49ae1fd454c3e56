package sandbox

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseAccess(t *testing.T) {
	tests := []struct {
		name   string
		params []string
		want   []resourceAccess
	}{
		{"none", nil, nil},
		{"one", []string{"repository:moby/hello:pull"}, []resourceAccess{{"repository", "moby/hello", []string{"pull"}}}},
		{"two in one", []string{"repository:a/b:pull  repository:c/d:push,pull"}, []resourceAccess{
			{"repository", "a/b", []string{"pull"}}, {"repository", "c/d", []string{"push", "pull"}},
		}},
		{"repeated", []string{"repository:a/b:pull", "repository:c/d:delete"}, []resourceAccess{
			{"repository", "a/b", []string{"pull"}}, {"repository", "c/d", []string{"delete"}},
		}},
		{"with a host", []string{"repository:localhost:5000/a/b:pull"}, []resourceAccess{{"repository", "localhost:5000/a/b", []string{"pull"}}}},
		{"other kinds", []string{"registry:catalog:*", "repository", "repository:x", "repository::pull", ""}, nil},
	}
	for _, test := range tests {
		if got := parseAccess(test.params); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

// FuzzParseAccess checks that no scope, however written, gets anonymous or a stranger beyond pull of
// what is public.
func FuzzParseAccess(f *testing.F) {
	for _, seed := range []string{"repository:moby/secret:pull,push", "repository:moby/hello:*", "repository:library/x:push", "repository:bob/../moby/secret:pull"} {
		f.Add(seed)
	}
	s, err := New(Options{Users: []User{{Name: "bob", Password: "x"}}, PublicRepositories: []string{"moby/hello"}})
	if err != nil {
		f.Fatal(err)
	}
	stranger := credential{account: s.accounts["bob"]}
	f.Fuzz(func(t *testing.T, scope string) {
		for _, c := range []credential{{}, stranger} {
			for _, entry := range s.grant(c, parseAccess([]string{scope})) {
				own := c.account != nil && strings.HasPrefix(entry.Name, "bob/")
				if !own && (!s.public(entry.Name) || !reflect.DeepEqual(entry.Actions, []string{"pull"})) {
					t.Errorf("%q grants %v", scope, entry)
				}
			}
		}
	})
}
