package tokens

import (
	"fmt"
	"strings"

	"github.com/docker-pat/docker-pat/client"
)

const minPrefix = 4 // characters of an id that may stand for it

// An UnknownError says that no token fits a name.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("no token has the id, an id that starts with, or the label %q", e.Name)
}

// An AmbiguousError says that a name fits several tokens.
type AmbiguousError struct {
	Name       string
	Candidates []client.Token
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%q fits %d tokens: give an id", e.Name, len(e.Candidates))
}

// Resolve finds the token that name stands for: its id, the unique start of its id (4 characters or
// more), or its exact label. An id beats a label, a label beats the start of an id.
func Resolve(all []client.Token, name string) (client.Token, error) {
	var labelled, started []client.Token
	for _, t := range all {
		switch {
		case t.ID == name:
			return t, nil
		case t.Label == name:
			labelled = append(labelled, t)
		case len(name) >= minPrefix && strings.HasPrefix(t.ID, strings.ToLower(name)):
			started = append(started, t)
		}
	}
	candidates := labelled
	if len(candidates) == 0 {
		candidates = started
	}
	switch len(candidates) {
	case 0:
		return client.Token{}, &UnknownError{Name: name}
	case 1:
		return candidates[0], nil
	}
	return client.Token{}, &AmbiguousError{Name: name, Candidates: candidates}
}
