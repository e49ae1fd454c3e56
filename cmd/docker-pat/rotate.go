package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/journal"
	"github.com/docker-pat/docker-pat/internal/lifetime"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/settings"
	"github.com/docker-pat/docker-pat/tokens"
)

type rotateOptions struct {
	sys     *system
	expires string
	keepOld string
	all     bool
	due     bool
	json    bool
	quiet   bool
}

func newRotateCmd(sys *system) *cobra.Command {
	opts := rotateOptions{sys: sys}
	cmd := &cobra.Command{
		Use:   "rotate [TOKEN...]",
		Short: "Replace tokens by new ones with another expiry",
		Long: `Replace tokens that this machine holds by new ones with the same label and the same scopes, and a new
expiry: the expiry of a token cannot be changed. Without TOKEN it is the one that Docker uses.

The new token is tried at the registry and put into the keychain first, then the old one is deleted, or
after the time of --keep-old. The new one lives as long as the old one was made for, unless --expires
says otherwise.

With --due it replaces those that are about to end, and says nothing when there are none: fit for cron.
docs/scheduled-care.md has units for systemd and launchd.`,
		Example: `  docker-pat rotate
  docker-pat rotate laptop --expires 30d --keep-old 24h
  docker-pat rotate --all
  docker-pat rotate --due`,
		RunE:              func(cmd *cobra.Command, args []string) error { return opts.run(cmd.Context(), args) },
		ValidArgsFunction: completeHeld(sys),
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.expires, "expires", "", "when the new token ends (default: as long as the old one was made for)")
	flags.StringVar(&opts.keepOld, "keep-old", "", "delete the old token only after this time, such as 24h")
	flags.BoolVar(&opts.all, "all", false, "replace all tokens that this machine holds")
	flags.BoolVar(&opts.due, "due", false, "replace those that are about to end")
	flags.BoolVar(&opts.json, "json", false, "print what was made as JSON, without secrets")
	flags.BoolVarP(&opts.quiet, "quiet", "q", false, "print the ids of the new tokens alone")
	cmd.MarkFlagsMutuallyExclusive("all", "due")
	cmd.MarkFlagsMutuallyExclusive("json", "quiet")
	completeExpires(cmd)
	cmd.Args = usage(func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 && (opts.all || opts.due) {
			return errors.New("--all and --due choose the tokens: give none")
		}
		return nil
	})
	return cmd
}

// A rotatedView is the JSON of a rotation, which scripts depend on.
type rotatedView struct {
	tokenView
	Replaces string     `json:"replaces"`  // the id of the old token
	KeptTill *time.Time `json:"kept_till"` // when the old token is deleted; null: it is gone
}

func (o rotateOptions) run(ctx context.Context, names []string) error {
	s, err := o.sys.settings()
	if err != nil {
		return err
	}
	rotation, err := o.rotation()
	if err != nil {
		return err
	}
	all, err := o.sys.heldTokens(ctx, s)
	if err != nil {
		return err
	}
	held, err := o.choose(s, all, names)
	if err != nil {
		return err
	}
	if len(held) == 0 {
		return errors.Join(o.settle(ctx, s), o.print(nil))
	}
	account, err := o.sys.signedIn(ctx)
	if err != nil {
		return err
	}
	issuer, err := o.sys.issuer(account)
	if err != nil {
		return err
	}
	views, code := []rotatedView{}, exitOK
	for _, h := range held {
		made, err := o.rotate(ctx, account, issuer, h, rotation)
		if ctx.Err() != nil && err != nil {
			return ctx.Err()
		}
		if errors.Is(err, tokens.ErrReplaced) {
			o.tellReplaced(h)
			continue
		}
		if err != nil {
			code = max(code, report(o.sys, fmt.Errorf("%s: %w", printable(h.entry.Token.Label), err)))
			continue
		}
		o.tell(h, made, rotation)
		views = append(views, rotatedView{viewOf(made.Token, true, o.sys.Now()), h.entry.Token.ID, instant(rotation.KeepOldUntil)})
	}
	if err := o.print(views); err != nil || code == exitOK {
		return err
	}
	return exitCode(code)
}

func (o rotateOptions) rotation() (r tokens.Rotation, err error) {
	now := o.sys.Now()
	if o.expires != "" {
		if r.ExpiresAt, err = tokens.ParseExpiry(o.expires, now); err != nil {
			return r, usageError{err, "rotate"}
		}
	}
	if o.keepOld != "" {
		d, err := lifetime.Parse(o.keepOld)
		if err != nil {
			return r, usagef("rotate", "--keep-old: %w", err)
		}
		if d > 0 {
			r.KeepOldUntil = now.Add(d)
		}
	}
	return r, nil
}

// choose finds the tokens in the index; only a name that it does not know is an error.
func (o rotateOptions) choose(s settings.Settings, all []heldToken, names []string) ([]heldToken, error) {
	switch {
	case o.all && len(all) == 0:
		return nil, tokens.ErrNotHeld
	case o.all:
		return all, nil
	case o.due:
		prefs, err := s.Preferences()
		return slices.DeleteFunc(all, func(h heldToken) bool {
			return !h.entry.Token.IsDue(time.Duration(prefs.RenewBefore), o.sys.Now())
		}), err
	case len(names) > 0:
		return chooseHeld(all, names)
	}
	key, err := credhelper.Key(s.Registry)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(h heldToken) bool { return h.key == key })
	if i < 0 {
		return nil, tokens.ErrNotHeld
	}
	return all[i : i+1], nil
}

func (o rotateOptions) rotate(ctx context.Context, a account, issuer *tokens.Issuer, h heldToken, r tokens.Rotation) (tokens.Made, error) {
	if err := sameAccount(h.entry, a.session); err != nil {
		return tokens.Made{}, err
	}
	if o.expires == "" {
		var err error
		if r.ExpiresAt, err = o.sys.nextExpiry(a.settings, h.entry.Token); err != nil {
			return tokens.Made{}, err
		}
	}
	r.Replaces = h.entry.Token.ID
	return issuer.Rotate(ctx, tokens.Place{Key: h.key}, r)
}

// sameAccount keeps a session from replacing the token of another account.
func sameAccount(held secretstore.Entry, session client.Session) error {
	if held.Token.Org == "" && !strings.EqualFold(held.Username, session.Username) {
		return fmt.Errorf("it belongs to %s and you are signed in as %s", printable(held.Username), printable(session.Username))
	}
	return nil
}

// nextExpiry gives a new token the lifetime of the old one, or that of the settings where it had none.
func (sys *system) nextExpiry(s settings.Settings, old *secretstore.Token) (time.Time, error) {
	if life := old.Lifetime(); life > 0 {
		return sys.Now().Add(life).UTC().Truncate(time.Second), nil
	}
	prefs, err := s.Preferences()
	if err != nil {
		return time.Time{}, err
	}
	return tokens.ParseExpiry(prefs.Expires, sys.Now())
}

func (o rotateOptions) tell(h heldToken, made tokens.Made, r tokens.Rotation) {
	old := cmp.Or(made.Replaced, h.entry.Token)
	o.sys.say("Rotated %s.", described(made.Token, o.sys.Now()))
	if !r.KeepOldUntil.IsZero() {
		o.sys.say("The old one (%s) works until %s; the first command after that deletes it.", old.ID, r.KeepOldUntil.Local().Format("2006-01-02 15:04"))
	}
	o.sys.tellPending(made)
}

// tellReplaced is about two that rotate at the same time, as a timer and its user may.
func (o rotateOptions) tellReplaced(h heldToken) {
	if !o.due {
		o.sys.say("%s was replaced already by another docker-pat.", nameOf(h.token()))
	}
}

// settle deletes what --keep-old has left, for there may be no other command for days. Without a session it waits.
func (o rotateOptions) settle(ctx context.Context, s settings.Settings) error {
	if !journal.In(s.StateDir).Any() {
		return nil
	}
	a, err := o.sys.accountOf(ctx, s, o.sys.store(s))
	switch {
	case errors.Is(err, errNotSignedIn), errors.Is(err, errSessionExpired):
		return nil
	case err != nil:
		return err
	}
	return o.sys.recover(ctx, a)
}

func (o rotateOptions) print(views []rotatedView) error {
	switch {
	case o.json:
		if views == nil {
			views = []rotatedView{}
		}
		return printJSON(o.sys.Out, views)
	case o.quiet:
		for _, v := range views {
			if _, err := fmt.Fprintln(o.sys.Out, v.ID); err != nil {
				return err
			}
		}
	}
	return nil
}
