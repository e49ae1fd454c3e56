// Package tokens has what a person wants to do with access tokens: make one for this machine, find
// one by a few letters, switch it off, end it.
package tokens

import (
	"context"
	"time"

	"github.com/docker-pat/docker-pat/client"
)

// A Hub manages the access tokens of one user or one organization.
type Hub interface {
	CreateToken(ctx context.Context, spec client.NewToken) (client.Token, client.Secret, error)
	ListTokens(ctx context.Context) ([]client.Token, error)
	GetToken(ctx context.Context, id string) (client.Token, error)
	UpdateToken(ctx context.Context, id string, change client.TokenChange) (client.Token, error)
	DeleteToken(ctx context.Context, id string) error
	// FindOperation looks for the token that was made with that NewToken.Operation.
	FindOperation(ctx context.Context, operation string) (t client.Token, found bool, err error)
}

var (
	_ Hub = (*client.Client)(nil)
	_ Hub = (*client.Organization)(nil)
)

// A Registry says whether a token really opens it.
type Registry interface {
	SignIn(ctx context.Context, username string, text client.Secret) error
}

var _ Registry = (*client.Registry)(nil)

// A Status is what a token is good for.
type Status string

// The states that Docker Hub shows.
const (
	Active   Status = "active"
	Inactive Status = "inactive"
	Expired  Status = "expired"
)

// StatusOf compares the expiry with the clock, since it is not known whether Docker Hub switches an
// expired token off by itself. An expired token is expired, active or not: it can only be deleted.
func StatusOf(t client.Token, now time.Time) Status {
	switch {
	case !t.ExpiresAt.IsZero() && !t.ExpiresAt.After(now):
		return Expired
	case t.Active:
		return Active
	}
	return Inactive
}

// A Count is how many tokens there are of each kind. Auto counts across the three states.
type Count struct{ Active, Inactive, Expired, Auto int }

// CountOf counts tokens.
func CountOf(all []client.Token, now time.Time) Count {
	var n Count
	for _, t := range all {
		switch StatusOf(t, now) {
		case Active:
			n.Active++
		case Inactive:
			n.Inactive++
		case Expired:
			n.Expired++
		}
		if t.Auto {
			n.Auto++
		}
	}
	return n
}
