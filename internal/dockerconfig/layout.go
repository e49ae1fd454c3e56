package dockerconfig

import (
	"bytes"
	"slices"

	"github.com/tailscale/hujson"
)

// defaultUnit is Docker's own indentation, for files that show none.
const defaultUnit = "\t"

// appendMember adds name: value to the end of object and returns the new member, laid out like its
// siblings. An object without members takes the layout of holder, the member whose value it is, or
// Docker's own layout where holder is nil, which is the top of the file.
// The result and every other pointer into object.Members hold until the next call.
func (f *File) appendMember(object *hujson.Object, holder *hujson.ObjectMember, name string, value hujson.ValueTrimmed) *hujson.ObjectMember {
	m := hujson.ObjectMember{
		Name:  hujson.Value{Value: hujson.String(name)},
		Value: hujson.Value{Value: value},
	}
	switch n := len(object.Members); {
	case n > 0:
		last := &object.Members[n-1]
		m.Name.AfterExtra = bytes.Clone(last.Name.AfterExtra)
		m.Value.BeforeExtra = colonSpace(last.Value.BeforeExtra)
		m.Name.BeforeExtra = separator(object)
		if n > 1 { // some write the comma at the start of the line
			last.Value.AfterExtra = bytes.Clone(object.Members[n-2].Value.AfterExtra)
		}
	case holder == nil:
		m.Value.BeforeExtra = []byte(" ")
		closing := lineBreak(object.AfterExtra)
		if closing == nil {
			closing = []byte("\n")
		}
		m.Name.BeforeExtra = slices.Concat(closing, []byte(defaultUnit))
		object.AfterExtra = bytes.Clone(closing)
	default:
		m.Name.AfterExtra = bytes.Clone(holder.Name.AfterExtra)
		m.Value.BeforeExtra = colonSpace(holder.Value.BeforeExtra)
		object.AfterExtra = nil
		if outer := lineBreak(holder.Name.BeforeExtra); outer != nil {
			m.Name.BeforeExtra = slices.Concat(outer, f.indentUnit())
			object.AfterExtra = bytes.Clone(outer)
		}
	}
	object.Members = append(object.Members, m)
	return &object.Members[len(object.Members)-1]
}

// removeMember takes the member at i out of object. An object that is empty then is written as {}.
func removeMember(object *hujson.Object, i int) {
	last := len(object.Members) - 1
	if i == 0 && last > 0 {
		object.Members[1].Name.BeforeExtra = object.Members[0].Name.BeforeExtra
	}
	if i == last && last > 0 {
		// hujson writes a trailing comma after a last value whose AfterExtra is not nil.
		object.Members[last-1].Value.AfterExtra = nil
	}
	object.Members = slices.Delete(object.Members, i, i+1)
	if len(object.Members) == 0 {
		object.AfterExtra = nil
	}
}

// separator is what stands between a comma and the next name in object, which has members. Blank
// lines are not repeated.
func separator(object *hujson.Object) hujson.Extra {
	last := object.Members[len(object.Members)-1]
	if b := lineBreak(last.Name.BeforeExtra); b != nil {
		return b
	}
	// In {"a": 1} nothing shows what follows a comma, but who writes a space after the colon
	// writes one there, too.
	if len(object.Members) == 1 && len(last.Name.BeforeExtra) == 0 && len(last.Value.BeforeExtra) > 0 {
		return []byte(" ")
	}
	return bytes.Clone(last.Name.BeforeExtra)
}

// colonSpace is the space after a colon like the one given, but not a line break.
func colonSpace(extra hujson.Extra) hujson.Extra {
	if bytes.ContainsAny(extra, "\r\n") {
		return []byte(" ")
	}
	return bytes.Clone(extra)
}

// lineBreak is the last line break in extra with the indentation after it, or nil.
func lineBreak(extra hujson.Extra) []byte {
	i := bytes.LastIndexByte(extra, '\n')
	if i < 0 {
		return nil
	}
	if i > 0 && extra[i-1] == '\r' {
		i--
	}
	return bytes.Clone(extra[i:])
}

// indentUnit is the indentation of one level, as the first member at the top shows it.
func (f *File) indentUnit() []byte {
	if len(f.rootBody.Members) == 0 {
		return []byte(defaultUnit)
	}
	first := lineBreak(f.rootBody.Members[0].Name.BeforeExtra)
	if first == nil {
		return []byte(defaultUnit)
	}
	if closing := lineBreak(f.rootBody.AfterExtra); closing != nil && bytes.HasPrefix(first, closing) {
		return first[len(closing):]
	}
	return bytes.TrimLeft(first, "\r\n")
}
