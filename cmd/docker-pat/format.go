package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/template"
	"time"

	"github.com/docker-pat/docker-pat/client"
)

// A format is a Go template for one token. Its fields have the names and the forms of the JSON.
type format struct{ template *template.Template }

// parseFormat returns nil for "", and finds mistakes before anything is asked of Docker Hub. "json" stands
// for one JSON object in a line, as it does for Docker's commands.
func parseFormat(command, text string) (*format, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // no format was asked for
	}
	if text == "json" {
		text = "{{json .}}"
	}
	functions := template.FuncMap{"json": jsonText, "join": join, "lower": strings.ToLower, "upper": strings.ToUpper}
	parsed, err := template.New("--format").Option("missingkey=error").Funcs(functions).Parse(text)
	f := &format{parsed}
	if err == nil {
		at := time.Unix(0, 0)
		sample := viewOf(client.Token{Scopes: []string{"repo:read"}, CreatedAt: at, LastUsedAt: at, ExpiresAt: at}, true, at)
		err = f.print(io.Discard, []tokenView{sample})
	}
	if err != nil {
		return nil, usageError{err, command}
	}
	return f, nil
}

// print writes a line for each token. Texts in it are harmless.
func (f *format) print(w io.Writer, views []tokenView) error {
	var out strings.Builder
	for _, view := range views {
		fields, err := fieldsOf(view)
		if err == nil {
			err = f.template.Execute(&out, fields)
		}
		if err != nil {
			return err
		}
		out.WriteString("\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// fieldsOf takes the names of the fields from the JSON itself.
func fieldsOf(view tokenView) (map[string]any, error) {
	text, err := json.Marshal(view)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	for name, value := range fields {
		switch text, ok := value.(string); {
		case ok:
			fields[name] = printable(text)
		case value == nil:
			fields[name] = (*never)(nil)
		}
	}
	return fields, nil
}

// A never is what null is to a template: it counts as empty, is null in JSON again, and shows as in the table.
type never struct{}

func (*never) String() string { return "never" }

func jsonText(v any) (string, error) {
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return strings.TrimSuffix(out.String(), "\n"), err
}

// join is strings.Join for what JSON makes of a list.
func join(list any, separator string) (string, error) {
	items, ok := list.([]any)
	if !ok {
		return "", errors.New("join takes a list, such as .scopes")
	}
	var parts []string
	for _, item := range items {
		parts = append(parts, printable(fmt.Sprint(item)))
	}
	return strings.Join(parts, separator), nil
}
