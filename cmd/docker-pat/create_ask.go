package main

import (
	"context"
	"slices"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/prompt"
	"github.com/docker-pat/docker-pat/internal/settings"
	"github.com/docker-pat/docker-pat/tokens"
)

// asks tells whether somebody is to be asked: there is no label, a terminal shows the questions, and what is
// printed is for a person.
func (o createOptions) asks(args []string) bool {
	return len(args) == 0 && !o.json && !o.quiet && o.sys.terminal().CanAsk() && toTerminal(o.sys.Err)
}

// askMissing asks for the label and for what no flag says, shows what will be made, and asks whether it shall
// be. It returns the arguments that were meant.
func (o *createOptions) askMissing(ctx context.Context, s settings.Settings, args []string) ([]string, error) {
	if !o.asks(args) {
		return args, nil
	}
	prefs, err := s.Preferences()
	if err != nil {
		return nil, err
	}
	if _, err := o.spec(s, []string{"checked"}); err != nil {
		return nil, err // a flag is wrong
	}
	if _, err := o.sys.signedIn(ctx); err != nil {
		return nil, err
	}
	label, err := o.askLabel(ctx)
	if err != nil {
		return nil, err
	}
	for _, ask := range []func(context.Context, settings.Preferences) error{o.askExpiry, o.askScope, o.askUse} {
		if err := ask(ctx, prefs); err != nil {
			return nil, err
		}
	}
	return []string{label}, o.confirm(ctx, s, label)
}

// askLabel proposes the name of this machine.
func (o *createOptions) askLabel(ctx context.Context) (string, error) {
	host, err := o.label(nil)
	proposal := ""
	if err == nil && tokens.CheckLabel(host) == nil {
		proposal = " [" + printable(host) + "]"
	}
	for {
		label, err := o.sys.terminal().Line(ctx, "Label"+proposal+": ")
		if label == "" && proposal != "" {
			label = host
		}
		if err != nil {
			return "", err
		}
		if err = tokens.CheckLabel(label); err == nil {
			return label, nil
		}
		o.sys.say("%v", err)
	}
}

// lifetimes are those that the form of Docker Hub offers, and what is asked for beside them.
func lifetimes() []prompt.Choice {
	return []prompt.Choice{{Text: "30d"}, {Text: "60d"}, {Text: "90d"}, {Text: "1y"}, {Text: "never", Note: "not advised"}, {Text: "another date"}}
}

func (o *createOptions) askExpiry(ctx context.Context, prefs settings.Preferences) error {
	if o.expires != "" {
		return nil
	}
	choices := lifetimes()
	other := len(choices) - 1
	preset := slices.IndexFunc(choices, func(c prompt.Choice) bool { return c.Text == prefs.Expires })
	if preset < 0 {
		choices = append([]prompt.Choice{{Text: prefs.Expires, Note: "from your settings"}}, choices...)
		preset, other = 0, other+1
	}
	chosen, err := o.sys.terminal().Choose(ctx, "Expires", choices, preset)
	if err != nil {
		return err
	}
	if chosen != other {
		o.expires = choices[chosen].Text
		return nil
	}
	for {
		text, err := o.sys.terminal().Line(ctx, "Date (2027-01-31) or lifetime (12h, 45d, 6w): ")
		if err != nil {
			return err
		}
		if _, err = tokens.ParseExpiry(text, o.sys.Now()); err == nil {
			o.expires = text
			return nil
		}
		o.sys.say("%v", err)
	}
}

func (o *createOptions) askScope(ctx context.Context, prefs settings.Preferences) error {
	if len(o.scopes) > 0 || o.sys.org != "" {
		return nil
	}
	var choices []prompt.Choice
	preset := 0
	for i, s := range tokens.Scopes() {
		choices = append(choices, prompt.Choice{Text: s.Label, Note: s.Allows})
		if s.Name == prefs.Scope {
			preset = i
		}
	}
	chosen, err := o.sys.terminal().Choose(ctx, "Permission", choices, preset)
	if err == nil {
		o.scopes = []string{tokens.Scopes()[chosen].Name}
	}
	return err
}

func (o *createOptions) askUse(ctx context.Context, _ settings.Preferences) error {
	if o.use || o.print {
		return nil
	}
	chosen, err := o.sys.terminal().Choose(ctx, "What to do with it", []prompt.Choice{
		{Text: "Use it", Note: "keep it in the keychain, for Docker on this machine"},
		{Text: "Print it", Note: "show it once, and store nothing"},
	}, 0)
	o.print = chosen == 1
	return err
}

// confirm shows what will be made. An answer other than yes ends the command as Ctrl-C does.
func (o *createOptions) confirm(ctx context.Context, s settings.Settings, label string) error {
	spec, err := o.spec(s, []string{label})
	if err != nil {
		return err
	}
	now := o.sys.Now()
	use := "will be the credential of " + s.Registry + " on this machine"
	if o.print {
		use = "will be printed once"
	}
	planned := client.Token{Organization: spec.Org, Scopes: spec.Scopes, Resources: spec.Resources}
	o.sys.say("\n  %s: %s%s, %s, %s.\n", printable(label), tokens.PermissionOf(planned), allowance(spec.Scopes), expiry(spec.ExpiresAt, now), use)
	if o.yes {
		return nil
	}
	sure, err := o.sys.terminal().Confirm(ctx, "Create it?")
	if err == nil && !sure {
		o.sys.say("Nothing was made.")
		err = exitCode(exitInterrupted)
	}
	return err
}
