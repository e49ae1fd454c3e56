package secret_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/docker-pat/docker-pat/internal/secret"
)

const canary = "canary-" + "5f3a"

func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	s := secret.New(canary)
	holder := struct {
		Name string
		S    secret.Secret
		p    *secret.Secret
	}{"n", s, &s}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "s", s, "holder", holder)
	texts := []string{log.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
		texts = append(texts, fmt.Sprintf(verb, s), fmt.Sprintf(verb, &s), fmt.Sprintf(verb, holder), fmt.Sprintf(verb, []secret.Secret{s}))
	}
	for _, text := range texts {
		if strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
			t.Errorf("the secret is in %q", text)
		}
	}
	if got := s.Reveal(); got != canary {
		t.Errorf("Reveal() = %q", got)
	}
}

func TestSecretDoesNotMarshal(t *testing.T) {
	t.Parallel()
	s := secret.New(canary)
	for _, v := range []any{s, &s, map[string]any{"s": s}, struct{ S secret.Secret }{s}, map[secret.Secret]int{s: 1}} {
		if out, err := json.Marshal(v); err == nil {
			t.Errorf("json.Marshal(%T) = %s, want an error", v, out)
		}
	}
}

func TestZero(t *testing.T) {
	t.Parallel()
	var s secret.Secret
	if !s.IsZero() || s.Reveal() != "" || !secret.New("").IsZero() || secret.New("x").IsZero() {
		t.Error("IsZero is wrong")
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	pat := "dckr_" + "pat_" + strings.Repeat("a", 27)
	jwt := "eyJhbGciOi" + "JIUzI1NiJ9." + "eyJzdWIiOiIxIn0." + "c2ln"
	tests := []struct{ in, want string }{
		{"bad token " + pat + ".", "bad token [redacted]."},
		{"Authorization: Bearer " + jwt, "Authorization: [redacted]"},
		{jwt, "[redacted]"},
		{"basic bW9ieTp3aGFsZQ==", "[redacted]"},
		{"personal access token is expired", "personal access token is expired"},
	}
	for _, tt := range tests {
		if got := secret.Redact(tt.in); got != tt.want {
			t.Errorf("Redact(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}
