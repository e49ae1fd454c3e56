package main

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/internal/buildinfo"
	"github.com/docker-pat/docker-pat/internal/doctor"
	"github.com/docker-pat/docker-pat/internal/settings"
)

type doctorOptions struct {
	sys     *system
	json    bool
	offline bool
}

func newDoctorCmd(sys *system) *cobra.Command {
	opts := doctorOptions{sys: sys}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find what is wrong, and what mends it",
		Long: `Check everything between Docker and its credential: the helper, the plugin, Docker's config.json, the
settings, the keychain, the clock, the session, the token. Each check is a line: ok, note or problem, what
was found, and what mends it. The exit code is 1 when there is a problem; notes do not count.

It changes nothing: one item is put into the keychain, read and erased again. The registry is asked
whether it accepts the credential.`,
		Example: `  docker-pat doctor
  docker-pat doctor --json | jq -r '.[] | select(.status == "problem") | .remedy'`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return opts.run(cmd.Context()) },
	}
	cmd.Flags().BoolVar(&opts.json, "json", false, "print JSON")
	cmd.Flags().BoolVar(&opts.offline, "offline", false, "ask no service")
	return cmd
}

func (o doctorOptions) run(ctx context.Context) error {
	findings := []doctor.Finding{}
	for f := range doctor.Examine(ctx, o.options()) {
		findings = append(findings, f)
		if o.json {
			continue
		}
		if err := o.print(f); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if o.json {
		if err := printJSON(o.sys.Out, findings); err != nil {
			return err
		}
	}
	return o.verdict(findings)
}

// print writes a line as soon as it is known: the keychain may wait for somebody.
func (o doctorOptions) print(f doctor.Finding) error {
	text := f.Found
	if f.Remedy != "" {
		text += "; " + f.Remedy
	}
	_, err := fmt.Fprintf(o.sys.Out, "%-7s  %-18s  %s\n", f.Status, f.Check, printable(text))
	return err
}

func (o doctorOptions) verdict(findings []doctor.Finding) error {
	problems, notes := 0, 0
	for _, f := range findings {
		switch f.Status {
		case doctor.Problem:
			problems++
		case doctor.Note:
			notes++
		case doctor.OK:
		}
	}
	if problems > 0 {
		o.sys.say("%s, %s.", count(problems, "problem"), count(notes, "note"))
		return exitCode(exitFailure)
	}
	if notes > 0 {
		o.sys.say("No problem, %s.", count(notes, "note"))
	} else {
		o.sys.say("No problem.")
	}
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

func (o doctorOptions) options() doctor.Options {
	s, err := o.settings()
	outside, addressErr := newDoctorOutside(o.sys, s)
	if err == nil {
		err = addressErr
	}
	return doctor.Options{
		Name: o.sys.name(), Version: buildinfo.Get().Version,
		Settings: s, Environment: err, Env: o.sys.Env, Now: o.sys.Now,
		Path:          filepath.SplitList(o.sys.Env("PATH")),
		SystemPlugins: doctor.SystemPlugins(runtime.GOOS, o.sys.Env),
		Offline:       o.offline, Store: outside.store, Outside: outside,
	}
}

// settings are those of the environment, or of what is right in it: a variable that cannot be used is
// reported, and taken as not set by the checks that follow.
func (o doctorOptions) settings() (settings.Settings, error) {
	s, err := o.sys.settings()
	if err == nil {
		return s, nil
	}
	sane := *o.sys
	sane.Env = func(name string) string {
		if name == "DOCKER_PAT_STORE" || name == "DOCKER_PAT_KEYCHAIN_TIMEOUT" {
			return ""
		}
		return o.sys.Env(name)
	}
	s, folderErr := sane.settings()
	if folderErr == nil {
		return s, err
	}
	for _, dir := range []*string{&s.ConfigDir, &s.StateDir, &s.DockerConfigDir} {
		if !filepath.IsAbs(*dir) { // it would lie in the home folder, which is not known
			*dir = ""
		}
	}
	return s, err
}
