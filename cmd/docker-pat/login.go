package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/prompt"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/session"
	"github.com/docker-pat/docker-pat/internal/settings"
)

type loginOptions struct {
	sys           *system
	byPassword    bool // -u was given
	username      string
	passwordStdin bool
	otp           string
}

func newLoginCmd(sys *system) *cobra.Command {
	opts := loginOptions{sys: sys}
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Sign in to manage your tokens",
		Long: `Sign in to Docker Hub, so that this program can manage your tokens.

Without -u you sign in on the web: the address and a code are shown, your browser opens there if you
have one, and the command waits. It can be any browser, also one of another machine. The session is the
one that docker login has when it signs in on the web: each program takes up that of the other, and
docker logout ends it. It is renewed by itself.

With -u you sign in with your password. It is asked for without being shown, or read from standard input,
used once and dropped. An account with two-factor authentication is then asked for its code.

The session is kept in the keychain. It is not what Docker signs in with: make a token for that with
docker-pat create.`,
		Example: `  docker-pat login
  docker-pat login -u moby
  docker-pat login -u moby --password-stdin < password.txt
  docker-pat login -u moby --password-stdin --otp 123456 < password.txt`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.byPassword = cmd.Flags().Changed("username")
			return opts.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&opts.username, "username", "u", "", "your Docker `ID`: sign in with its password")
	flags.BoolVar(&opts.passwordStdin, "password-stdin", false, "read the password from standard input")
	flags.StringVar(&opts.otp, "otp", "", "two-factor authentication code, where there is no terminal to ask on")
	return cmd
}

func (o loginOptions) run(ctx context.Context) error {
	switch {
	case !o.byPassword && (o.passwordStdin || o.otp != ""), o.byPassword && o.username == "":
		return usagef("login", "give your Docker ID with -u")
	case strings.Contains(o.username, "@"):
		return usagef("login", "give your Docker ID: Docker Hub does not take an e-mail address here")
	}
	s, err := o.sys.settings()
	if err != nil {
		return err
	}
	if !o.byPassword {
		return o.runWeb(ctx, s)
	}
	hub, err := o.sys.hubClient(s)
	if err != nil {
		return err
	}
	store, keeper, err := o.openStore(ctx, s) // before a password is asked for
	if err != nil {
		return err
	}
	password, err := o.password(ctx)
	if err != nil {
		return err
	}
	session, err := o.signIn(ctx, hub, password)
	if err != nil {
		return err
	}
	if err := keeper.Replace(ctx, session); err != nil {
		return err
	}
	o.sys.say("Signed in as %s%s.", printable(session.Username), until(session.ExpiresAt))
	return o.sys.afterSignIn(ctx, s, store)
}

// openStore fails where a session could not be kept.
func (o loginOptions) openStore(ctx context.Context, s settings.Settings) (*secretstore.Store, *session.Keeper, error) {
	store := o.sys.store(s)
	keeper, err := o.sys.sessions(s, store)
	if err != nil {
		return nil, nil, err
	}
	return store, keeper, canStore(ctx, store, s.Registry)
}

// canStore finds out whether the keychain can be used at all.
func canStore(ctx context.Context, store *secretstore.Store, registry string) error {
	key, _, err := credhelper.SessionKeys(registry)
	if err != nil {
		return err
	}
	if _, err := store.Get(ctx, key); err != nil && !errors.Is(err, secretstore.ErrNotFound) && !errors.Is(err, secretstore.ErrDamaged) {
		return err
	}
	return nil
}

// password reads the password and refuses a token in its place before anything is sent.
func (o loginOptions) password(ctx context.Context) (client.Secret, error) {
	var password client.Secret
	var err error
	switch terminal := o.sys.terminal(); {
	case o.passwordStdin:
		password, err = readSecret(o.sys.In)
	case terminal.CanAsk():
		password, err = terminal.Secret(ctx, "Password: ")
	default:
		return password, usagef("login", "no terminal to ask for the password on: use --password-stdin")
	}
	switch {
	case err != nil:
		return client.Secret{}, err
	case password.IsZero():
		return client.Secret{}, usagef("login", "the password is empty")
	case credhelper.IsToken(password.Reveal()):
		return client.Secret{}, usagef("login",
			"this is an access token, and Docker Hub lets no token manage tokens: sign in with your password (docker login takes the token)")
	}
	return password, nil
}

// maxSecret bounds what is read from standard input, in bytes.
const maxSecret = 64 << 10

// readSecret takes all of standard input but for one line ending, as docker login does.
func readSecret(in io.Reader) (client.Secret, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxSecret+1))
	if err != nil {
		return client.Secret{}, fmt.Errorf("read standard input: %w", err)
	}
	if len(data) > maxSecret {
		return client.Secret{}, usagef("login", "standard input is too long for a password")
	}
	return secret.New(strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")), nil
}

func (o loginOptions) signIn(ctx context.Context, hub *client.Client, password client.Secret) (client.Session, error) {
	session, err := hub.SignIn(ctx, o.username, password)
	var second *client.SecondFactorError
	if errors.As(err, &second) {
		code, codeErr := o.code(ctx)
		if codeErr != nil {
			return client.Session{}, codeErr
		}
		session, err = hub.SignInSecondFactor(ctx, o.username, second.LoginToken, code)
		if errors.Is(err, client.ErrUnauthorized) {
			return session, hintedError{err, exitFailure, "the code is wrong or was used before: wait for the next one and try again"}
		}
	}
	if errors.Is(err, client.ErrUnauthorized) {
		return session, hintedError{err, exitFailure, "check the name and the password"}
	}
	return session, err
}

// code returns the one-time code without the blanks that authenticator programs show in it.
func (o loginOptions) code(ctx context.Context) (client.Secret, error) {
	text := o.otp
	if text == "" {
		terminal := o.sys.terminal()
		if !terminal.CanAsk() {
			return client.Secret{}, &client.SecondFactorError{}
		}
		answer, err := terminal.Secret(ctx, "Two-factor authentication code: ")
		if err != nil && !errors.Is(err, prompt.ErrNoTerminal) {
			return client.Secret{}, err
		}
		text = answer.Reveal()
	}
	return secret.New(strings.ReplaceAll(strings.TrimSpace(text), " ", "")), nil
}

func until(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " until " + t.Local().Format("2006-01-02 15:04")
}
