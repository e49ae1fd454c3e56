package tokens

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxLabel = 100 // characters, by the API reference

// CheckLabel says what is wrong with the label of a new token.
func CheckLabel(label string) error {
	switch n := utf8.RuneCountInString(label); {
	case strings.TrimSpace(label) == "":
		return errors.New("the label is empty: say what the token is for")
	case n > maxLabel:
		return fmt.Errorf("the label has %d characters: Docker Hub takes up to %d", n, maxLabel)
	case !utf8.ValidString(label) || strings.ContainsFunc(label, unicode.IsControl):
		return errors.New("the label has control characters or is not UTF-8")
	}
	return nil
}

// FitLabel joins a name and what it is for, and cuts the name where both are too long for a label.
func FitLabel(name, purpose string) string {
	runes := []rune(strings.ToValidUTF8(name, ""))
	return string(runes[:min(len(runes), maxLabel-utf8.RuneCountInString(purpose))]) + purpose
}
