package dockerconfig

import (
	"slices"
	"strings"

	"github.com/tailscale/hujson"
)

// SetCredsStore makes name the helper suffix for all registries. Where the file has the member
// several times the last is set, for that is the one that Docker takes.
func (f *File) SetCredsStore(name string) {
	if f.means.CredsStore == name {
		return
	}
	if i := lastNamed(f.rootBody, keyCredsStore); i >= 0 {
		f.rootBody.Members[i].Value.Value = hujson.String(name)
	} else {
		f.appendMember(f.rootBody, nil, keyCredsStore, hujson.String(name))
	}
	f.edited()
}

// RemoveCredsStore takes credsStore out, all of them where there are several: Docker would take
// the one before.
func (f *File) RemoveCredsStore() {
	for i := lastNamed(f.rootBody, keyCredsStore); i >= 0; i = lastNamed(f.rootBody, keyCredsStore) {
		removeMember(f.rootBody, i)
	}
	f.edited()
}

// SetCredHelper makes name the helper suffix for registry, spelled as Docker or podman looks it up.
func (f *File) SetCredHelper(registry, name string) {
	if have, ok := f.means.CredHelpers[registry]; ok && have == name {
		return
	}
	f.member(keyCredHelpers, registry).Value.Value = hujson.String(name)
	f.edited()
}

// RemoveCredHelper takes registry out of credHelpers, and credHelpers out of the file when nothing
// is left in it. Without such an entry nothing changes.
func (f *File) RemoveCredHelper(registry string) {
	for i, m := range slices.Backward(f.rootBody.Members) {
		object, ok := m.Value.Value.(*hujson.Object)
		if !ok || !strings.EqualFold(nameOf(m), keyCredHelpers) {
			continue
		}
		size := len(object.Members)
		removeMembers(object, func(name string) bool { return name == registry })
		if len(object.Members) == 0 && size > 0 {
			removeMember(f.rootBody, i)
		}
	}
	f.edited()
}

// member finds or adds the member called name in the object that the file has under key, one of
// Docker's maps. A member that is added has the value null until the caller sets it.
func (f *File) member(key, name string) *hujson.ObjectMember {
	holders := f.holders(key)
	for _, h := range slices.Backward(holders) {
		object := h.Value.Value.(*hujson.Object)
		for i := range slices.Backward(object.Members) {
			if nameOf(object.Members[i]) == name { // keys of a map are not folded
				return &object.Members[i]
			}
		}
	}
	var holder *hujson.ObjectMember
	if len(holders) > 0 {
		holder = holders[len(holders)-1]
	} else {
		holder = f.addHolder(key)
	}
	return f.appendMember(holder.Value.Value.(*hujson.Object), holder, name, hujson.Literal("null"))
}

// holders are the members at the top under key whose objects Docker merges into one map, first to
// last: those after the last null, which empties the map.
func (f *File) holders(key string) []*hujson.ObjectMember {
	var found []*hujson.ObjectMember
	for i := range f.rootBody.Members {
		m := &f.rootBody.Members[i]
		if !strings.EqualFold(nameOf(*m), key) {
			continue
		}
		if _, ok := m.Value.Value.(*hujson.Object); ok {
			found = append(found, m)
		} else {
			found = nil
		}
	}
	return found
}

// addHolder gives the file an empty object under key, in place of a null if that is all it has
// there. A null after objects stays: without it Docker would read them again.
func (f *File) addHolder(key string) *hujson.ObjectMember {
	named := func(m hujson.ObjectMember) bool { return strings.EqualFold(nameOf(m), key) }
	first, last := slices.IndexFunc(f.rootBody.Members, named), lastNamed(f.rootBody, key)
	if first >= 0 && first == last {
		m := &f.rootBody.Members[first]
		m.Value.Value = &hujson.Object{}
		return m
	}
	return f.appendMember(f.rootBody, nil, key, &hujson.Object{})
}

// lastNamed is the index of the last member that Docker takes for key, or -1.
func lastNamed(object *hujson.Object, key string) int {
	for i, m := range slices.Backward(object.Members) {
		if strings.EqualFold(nameOf(m), key) {
			return i
		}
	}
	return -1
}

// removeMembers takes out of object every member whose name match accepts.
func removeMembers(object *hujson.Object, match func(name string) bool) {
	for i := range slices.Backward(object.Members) {
		if match(nameOf(object.Members[i])) {
			removeMember(object, i)
		}
	}
}
