package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/dockerconfig"
)

const (
	maxOffset = time.Minute // of the clock: bearers and certificates are valid by it
	soon      = 7 * 24 * time.Hour
	offline   = "--offline"
	noRead    = "the credential cannot be read"
)

// clock matters because tokens and certificates begin and end.
func (x exam) clock(ctx context.Context) (exam, []Finding) {
	const check = "clock"
	if x.Offline {
		return x, []Finding{notChecked(check, offline)}
	}
	const remedy = "set the clock of this machine"
	offset, err := x.Outside.ClockOffset(ctx)
	switch direction := "ahead of"; {
	case errors.Is(err, client.ErrCertificateTime):
		found := "by the clock of this machine (" + day(x.Now()) + ") the certificate of the token service is not valid"
		return x, []Finding{problem(check, found, remedy)}
	case err != nil:
		return x, []Finding{note(check, err.Error(), "")}
	case offset.Abs() > maxOffset:
		if offset < 0 {
			direction = "behind"
		}
		return x, []Finding{problem(check, fmt.Sprintf("%v %s that of the token service", offset.Abs().Round(time.Second), direction), remedy)}
	}
	return x, []Finding{ok(check, "it agrees with that of the token service")}
}

func (x exam) session(ctx context.Context) (exam, []Finding) {
	const check = "session"
	if !x.usable {
		return x, []Finding{notChecked(check, noStore)}
	}
	session, err := x.Outside.Session(ctx)
	switch {
	case errors.Is(err, ErrNoSession):
		return x, []Finding{note(check, "you are not signed in, which only managing tokens needs", x.command("login"))}
	case err != nil:
		return x, []Finding{problem(check, err.Error(), x.storeRemedy(err))}
	case session.ExpiresAt.IsZero():
		x.signed = true
		return x, []Finding{ok(check, session.Username)}
	case !session.ExpiresAt.After(x.Now()):
		return x, []Finding{note(check, "that of "+session.Username+" expired on "+day(session.ExpiresAt), x.command("login -u "+session.Username))}
	}
	x.signed = true
	return x, []Finding{ok(check, session.Username+", valid until "+session.ExpiresAt.Local().Format(time.DateTime))}
}

// credential looks at the one that Docker gets for the registry.
func (x exam) credential(context.Context) (exam, []Finding) {
	const check = "credential"
	switch {
	case !x.usable:
		return x, []Finding{notChecked(check, noStore)}
	case x.unread:
		return x, []Finding{notChecked(check, noRead)}
	case x.held == nil:
		return x, []Finding{x.noCredential(check)}
	}
	who := x.held.Username + " at " + x.Settings.Registry
	token := x.held.Token
	switch {
	case token == nil && x.held.Username != dockerconfig.TokenUsername && !credhelper.IsToken(x.held.Secret.Reveal()):
		return x, []Finding{note(check, who+" with a password", x.command("create"))}
	case token == nil:
		return x, []Finding{ok(check, who+", stored by docker login")}
	}
	found := who + " with the token " + token.Label
	switch left := token.ExpiresAt.Sub(x.Now()); {
	case token.ExpiresAt.IsZero():
		return x, []Finding{ok(check, found+", which never expires")}
	case left <= 0:
		return x, []Finding{problem(check, found+", which expired on "+day(token.ExpiresAt), x.command("create"))}
	case left < soon:
		return x, []Finding{note(check, found+", which expires on "+day(token.ExpiresAt), x.command("create"))}
	}
	return x, []Finding{ok(check, found+", which expires on "+day(token.ExpiresAt))}
}

// noCredential is how every machine begins, and no fault: Docker goes on as anybody may. That one which was
// there is gone is a fault.
func (x exam) noCredential(check string) Finding {
	remedy := x.command("create")
	if !x.signed {
		remedy = x.command("login") + ", then " + x.Name + " create"
	}
	if x.lost {
		return problem(check, "there is none for "+x.Settings.Registry+" any more", remedy)
	}
	return note(check, "there is none for "+x.Settings.Registry+" yet", remedy)
}

// registry asks it whether it takes the credential.
func (x exam) registry(ctx context.Context) (exam, []Finding) {
	const check = "registry"
	switch {
	case x.Offline:
		return x, []Finding{notChecked(check, offline)}
	case !x.usable:
		return x, []Finding{notChecked(check, noStore)}
	case x.unread:
		return x, []Finding{notChecked(check, noRead)}
	case x.held == nil:
		return x, []Finding{notChecked(check, "there is no credential to ask about")}
	case x.held.Username == dockerconfig.TokenUsername:
		return x, []Finding{notChecked(check, "the credential is an identity token")}
	}
	err := x.Outside.SignIn(ctx, x.held.Username, x.held.Secret)
	switch {
	case errors.Is(err, client.ErrUnauthorized), errors.Is(err, client.ErrForbidden):
		return x, []Finding{problem(check, "it refuses the credential: "+err.Error(), x.command("create"))}
	case err != nil:
		return x, []Finding{note(check, err.Error(), "")}
	}
	return x, []Finding{ok(check, "it accepts the credential")}
}

func day(t time.Time) string { return t.Local().Format(time.DateOnly) }
