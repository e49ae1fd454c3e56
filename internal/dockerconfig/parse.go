package dockerconfig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tailscale/hujson"
)

// The names of Docker's members, as Docker writes them. [docker/cli cli/config/configfile/file.go
// and cli/config/types/authconfig.go]
const (
	keyAuths       = "auths"
	keyCredsStore  = "credsStore"
	keyCredHelpers = "credHelpers"

	keyAuth          = "auth"
	keyUsername      = "username"
	keyPassword      = "password"
	keyIdentityToken = "identitytoken"
	keyRegistryToken = "registrytoken"
)

// document has the part of Docker's struct that is used here.
type document struct {
	Auths       map[string]authEntry `json:"auths"`
	CredsStore  string               `json:"credsStore"`
	CredHelpers map[string]string    `json:"credHelpers"`
}

type authEntry struct {
	Auth          string `json:"auth"`
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// A MalformedError is a file that Docker could not read, or that cannot be changed with care.
// Line and Column count from 1, Column in bytes. Problem quotes no value of the file.
type MalformedError struct {
	Path         string
	Line, Column int
	Problem      string
}

func (e *MalformedError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.Path, e.Line, e.Column, e.Problem)
}

func (f *File) malformed(text []byte, offset int, problem string) error {
	head := text[:min(max(offset, 0), len(text))]
	return &MalformedError{
		Path:    f.path,
		Line:    1 + bytes.Count(head, []byte("\n")),
		Column:  len(head) - bytes.LastIndexByte(head, '\n'),
		Problem: problem,
	}
}

// parse takes text as the content of f.
func (f *File) parse(text []byte) error {
	if bytes.HasPrefix(text, []byte("\xef\xbb\xbf")) {
		return f.malformed(text, 0, "starts with a UTF-8 byte order mark, which JSON does not allow")
	}
	var raw json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return f.malformed(text, offsetOf(err, text), err.Error())
	}
	// hujson would accept comments and trailing commas; encoding/json has just refused them.
	root, err := hujson.Parse(bytes.Clone(text)) // the tree shares the memory it was parsed from
	if err != nil {
		return f.malformed(text, 0, "not readable as JSON") // its message would quote the value
	}
	body, ok := root.Value.(*hujson.Object)
	if !ok {
		return f.malformed(text, root.StartOffset, "is not a JSON object")
	}
	if problem, offset := checkMembers(body, checkTop); problem != "" {
		return f.malformed(text, offset, problem)
	}
	f.root, f.rootBody = root, body
	f.text = bytes.Clone(text)
	f.means = decode(f.text)
	return nil
}

// decode gives the meaning of a text whose types were checked, so that it cannot fail.
func decode(text []byte) document {
	var d document
	_ = json.Unmarshal(text, &d)
	return d
}

// edited is called after the tree was changed.
func (f *File) edited() {
	f.text = f.root.Pack()
	f.means = decode(f.text)
}

// offsetOf is where err was met. encoding/json counts the byte that it could not use, too, unless
// the text ended too soon, which only the decoder of streams tells apart.
func offsetOf(err error, text []byte) int {
	var raw json.RawMessage
	if errors.Is(json.NewDecoder(bytes.NewReader(text)).Decode(&raw), io.ErrUnexpectedEOF) {
		return len(text)
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return int(syntax.Offset) - 1
	}
	return 0
}

// A check finds what Docker could not use in a member and where; problem is empty if there is
// nothing.
type check func(hujson.ObjectMember) (problem string, offset int)

// checkTop checks a member at the top. Those that are not used here are Docker's own affair.
func checkTop(m hujson.ObjectMember) (problem string, offset int) {
	switch name := nameOf(m); {
	case strings.EqualFold(name, keyCredsStore):
		return isString("credsStore")(m)
	case strings.EqualFold(name, keyCredHelpers):
		return isObject("credHelpers", isString("a helper in credHelpers"))(m)
	case strings.EqualFold(name, keyAuths):
		return isObject("auths", isObject("an entry of auths", checkField))(m)
	default:
		return "", 0
	}
}

// checkField checks a field in an entry of auths.
func checkField(m hujson.ObjectMember) (problem string, offset int) {
	name := nameOf(m)
	if isCredential(name) || strings.EqualFold(name, keyRegistryToken) {
		return isString("a field in auths")(m)
	}
	return "", 0
}

// isString wants a string or null, which is no value to Docker.
func isString(what string) check {
	return func(m hujson.ObjectMember) (string, int) {
		if k := m.Value.Value.Kind(); k != '"' && k != 'n' {
			return what + " is not a string", m.Value.StartOffset
		}
		return "", 0
	}
}

// isObject wants null or an object whose every member passes inner.
func isObject(what string, inner check) check {
	return func(m hujson.ObjectMember) (string, int) {
		if m.Value.Value.Kind() == 'n' {
			return "", 0
		}
		object, ok := m.Value.Value.(*hujson.Object)
		if !ok {
			return what + " is not an object", m.Value.StartOffset
		}
		return checkMembers(object, inner)
	}
}

// checkMembers gives the first problem in object.
func checkMembers(object *hujson.Object, inner check) (problem string, offset int) {
	for _, m := range object.Members {
		if problem, offset = inner(m); problem != "" {
			return problem, offset
		}
	}
	return "", 0
}

// isCredential reports whether an entry of auths keeps a part of a credential under name.
func isCredential(name string) bool {
	return strings.EqualFold(name, keyAuth) || strings.EqualFold(name, keyUsername) ||
		strings.EqualFold(name, keyPassword) || strings.EqualFold(name, keyIdentityToken)
}

// nameOf is the name of a member with its escapes resolved.
func nameOf(m hujson.ObjectMember) string {
	literal, _ := m.Name.Value.(hujson.Literal)
	return literal.String()
}
