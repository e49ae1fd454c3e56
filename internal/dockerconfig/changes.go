package dockerconfig

import (
	"fmt"
	"maps"
	"slices"

	"github.com/docker-pat/docker-pat/internal/secret"
)

// none stands for a member that is not there.
const none = "(none)"

// Changes says for a person what Save would change in the meaning of the file, one line for each
// member, "credsStore: old -> new", in a fixed order and without secrets. Names and values are
// quoted, so that control characters in them do not reach the terminal.
func (f *File) Changes() []string {
	var lines []string
	note := func(what, before, after string) {
		if before != after {
			lines = append(lines, what+": "+before+" -> "+after)
		}
	}
	note(keyCredsStore, shown(f.meant.CredsStore), shown(f.means.CredsStore))
	for _, registry := range keys(f.meant.CredHelpers, f.means.CredHelpers) {
		note(fmt.Sprintf("%s[%q]", keyCredHelpers, registry),
			shownIn(f.meant.CredHelpers, registry), shownIn(f.means.CredHelpers, registry))
	}
	for _, server := range keys(f.meant.Auths, f.means.Auths) {
		before, after := f.meant.Auths[server], f.means.Auths[server]
		what := fmt.Sprintf("%s[%q].", keyAuths, server)
		masked := func(field, before, after string) {
			if before != after {
				b, a := mask(before), mask(after)
				if b == a {
					a += " (another)"
				}
				note(what+field, b, a)
			}
		}
		masked(keyAuth, before.Auth, after.Auth)
		note(what+keyUsername, shown(before.Username), shown(after.Username))
		masked(keyPassword, before.Password, after.Password)
		masked(keyIdentityToken, before.IdentityToken, after.IdentityToken)
	}
	return lines
}

// keys are those of both maps, sorted.
func keys[V any](a, b map[string]V) []string {
	all := maps.Clone(a)
	if all == nil {
		return slices.Sorted(maps.Keys(b))
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

func shown(value string) string {
	if value == "" {
		return none
	}
	return fmt.Sprintf("%q", value)
}

// shownIn differs from shown for an empty value that is there: it has a meaning in credHelpers.
func shownIn(m map[string]string, key string) string {
	value, ok := m[key]
	if !ok {
		return none
	}
	return fmt.Sprintf("%q", value)
}

func mask(value string) string {
	if value == "" {
		return none
	}
	return secret.Mask
}
