package tokens

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/docker-pat/docker-pat/client"
)

// The limits of the plans that have tokens of organizations.
const (
	teamLimit     = 10
	businessLimit = 100
)

// A LimitError says that an organization gets no further token, as far as that can be told: Docker Hub
// does not document how it refuses one for the plan's sake.
type LimitError struct {
	Held  int // tokens that the organization has; inactive and expired ones count
	Cause error
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%v (the organization has %d tokens)", e.Cause, e.Held)
}

func (e *LimitError) Unwrap() error { return e.Cause }

// ExplainRefusal makes a *LimitError of err, with which a token was refused to an organization, when nothing
// else explains it: who may list the tokens may also make one, and a request that is merely wrong meets
// the number of a plan's limit by chance alone. Otherwise it returns err.
func ExplainRefusal(ctx context.Context, hub Hub, err error) error {
	var refused *client.APIError
	if !errors.As(err, &refused) || refused.Method != http.MethodPost || refused.Status == http.StatusUnauthorized ||
		refused.Status == http.StatusNotFound || refused.Status == http.StatusTooManyRequests || refused.Status >= 500 {
		return err
	}
	all, listErr := hub.ListTokens(ctx)
	switch {
	case listErr != nil:
		return err
	case refused.Status == http.StatusBadRequest && len(all) != teamLimit && len(all) < businessLimit:
		return err
	}
	return &LimitError{Held: len(all), Cause: err}
}

const detailsAtOnce = 4 // requests

// Details reads what a list does not tell of the tokens of an organization, one by one. A token that is gone
// meanwhile is left out. Tokens of users are returned as they are.
func Details(ctx context.Context, hub Hub, all []client.Token) ([]client.Token, error) {
	whole, errs := slices.Clone(all), make([]error, len(all))
	places := make(chan struct{}, detailsAtOnce)
	var wg sync.WaitGroup
	for i, t := range all {
		if t.Organization == "" || t.Resources != nil {
			continue
		}
		places <- struct{}{}
		wg.Go(func() {
			whole[i], errs[i] = hub.GetToken(ctx, t.ID)
			<-places
		})
	}
	wg.Wait()
	var kept []client.Token
	for i, err := range errs {
		switch {
		case err == nil:
			kept = append(kept, whole[i])
		case !errors.Is(err, client.ErrNotFound):
			return nil, err
		}
	}
	return kept, nil
}
