package client_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/secret"
)

// TestRenewal has a service that knows the new bearer, and one that knows neither.
func TestRenewal(t *testing.T) {
	t.Parallel()
	failed := errors.New("no session")
	tests := []struct {
		name     string
		accepted string
		renewal  error
		requests int
		want     error
	}{
		{"the old one is good", "Bearer old", nil, 1, nil},
		{"the new one is good", "Bearer new", nil, 2, nil},
		{"neither", "Bearer other", nil, 2, client.ErrUnauthorized},
		{"there is no new one", "Bearer new", failed, 1, failed},
	}
	for _, tt := range tests {
		server := record(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != tt.accepted {
				reply(401, "application/json", `{"message":"unauthorized"}`)(w, r)
				return
			}
			reply(201, "application/json", `{"uuid":"1","token":"x","created_at":"2026-03-01T12:00:00.000000Z"}`)(w, r)
		})
		asked := 0
		c := newClient(t, server.URL, nil).WithBearer(secret.New("old")).WithRenewal(func(_ context.Context, refused client.Secret) (client.Secret, error) {
			if asked++; refused.Reveal() != "old" {
				t.Errorf("%s: %q was refused", tt.name, refused.Reveal())
			}
			return secret.New("new"), tt.renewal
		})
		_, _, err := c.CreateToken(t.Context(), client.NewToken{Label: "ci", Scopes: []string{"repo:read"}})
		if !errors.Is(err, tt.want) || len(server.requests()) != tt.requests || asked > 1 {
			t.Errorf("%s: got %v after %q", tt.name, err, server.requests())
		}
		if all := server.requests(); len(all) == 2 && strings.SplitN(all[0], "|", 3)[2] != strings.SplitN(all[1], "|", 3)[2] {
			t.Errorf("%s: the second request is another one: %q", tt.name, all)
		}
	}
}
