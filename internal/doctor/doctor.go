// Package doctor finds out what keeps Docker from getting its credential, and what mends it. It changes
// nothing but for one item, which it puts into the store, reads and erases again. It prints nothing.
package doctor

import (
	"context"
	"errors"
	"iter"
	"path/filepath"
	"time"

	"github.com/docker-pat/docker-pat/internal/dockerconfig"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/settings"
)

// A Status says how bad a finding is.
type Status string

// Every Status. A note is what somebody may want to be so, or what could not be found out.
const (
	OK      Status = "ok"
	Note    Status = "note"
	Problem Status = "problem"
)

// A Finding is the outcome of one check. Its JSON is what `docker-pat doctor --json` prints; Check is a
// name that stays the same.
type Finding struct {
	Check  string `json:"check"`
	Status Status `json:"status"`
	Found  string `json:"found"`
	Remedy string `json:"remedy"` // what mends it, an imperative; every problem has one
}

// A Session is the stored sign-in at the token service.
type Session struct {
	Username  string
	ExpiresAt time.Time // zero: it does not say
}

// ErrNoSession says that there is none.
var ErrNoSession = errors.New("not signed in")

// Outside is asked about programs and services. Every call ends when ctx does.
type Outside interface {
	// HelperVersion asks a program whether it is our credential helper, and which.
	HelperVersion(ctx context.Context, path string) (string, error)
	// PluginVersion asks a program whether it is our plugin of Docker, and which.
	PluginVersion(ctx context.Context, path string) (string, error)
	// Session reads the stored session, also one that has expired. It fails with ErrNoSession.
	Session(ctx context.Context) (Session, error)
	// ClockOffset is how far the clock of this machine is ahead of that of the token service.
	ClockOffset(ctx context.Context) (time.Duration, error)
	// SignIn asks the registry whether it accepts a credential. A refusal is client.ErrUnauthorized or
	// client.ErrForbidden.
	SignIn(ctx context.Context, username string, text secret.Secret) error
}

// A Store holds credentials by key. Get fails with secretstore.ErrNotFound for what is not there.
type Store interface {
	Get(ctx context.Context, key string) (secretstore.Credential, error)
	Put(ctx context.Context, key string, c secretstore.Credential) error
	Delete(ctx context.Context, key string) error
	List(ctx context.Context) (map[string]secretstore.Entry, error)
}

var _ Store = (*secretstore.Store)(nil)

// Options of Examine.
type Options struct {
	Name        string // of this program, as the user called it
	Version     string // of this program
	Settings    settings.Settings
	Environment error // what is wrong with the environment; a folder that is not known is "" in Settings
	Env         func(string) string
	Now         func() time.Time
	Path        []string // folders of PATH
	// SystemPlugins are the folders where Docker looks for plugins after those of the user.
	SystemPlugins []string
	Offline       bool // asks no service
	Store         Store
	Outside       Outside
}

// An exam knows what the checks before have learnt.
type exam struct {
	Options
	config *dockerconfig.File      // nil: it cannot be read
	usable bool                    // the store answers
	held   *secretstore.Credential // of the registry; nil: there is none, or it cannot be read
	unread bool                    // the registry's credential cannot be read
	lost   bool                    // there was one, and the keychain has it no more
	signed bool                    // there is a session that can make another
}

// A group is checks that look at the same thing. What run finds has the names in checks, in order.
type group struct {
	checks []string
	budget time.Duration
	run    func(exam, context.Context) (exam, []Finding)
}

const (
	localBudget   = 5 * time.Second  // files
	programBudget = 30 * time.Second // some programs, with a deadline each
	networkBudget = 15 * time.Second // of one service
	cleanupBudget = 5 * time.Second  // to erase the item that the store is tried with
)

func (o Options) groups() []group {
	store := o.Settings.KeychainTimeout + cleanupBudget + localBudget
	return []group{
		{[]string{"environment"}, localBudget, exam.environment},
		{[]string{"helper", "helper-others", "helper-version"}, programBudget, exam.helper},
		{[]string{"docker-config"}, localBudget, exam.dockerConfig},
		{[]string{"docker-helper", "creds-store", "cred-helpers", "podman"}, localBudget, exam.wired},
		{[]string{"plaintext", "auths", "config-mode"}, localBudget, exam.plaintext},
		{[]string{"docker-auth-config"}, localBudget, exam.authConfig},
		{[]string{"plugin", "plugin-folder"}, programBudget, exam.plugin},
		{[]string{"settings"}, localBudget, exam.settings},
		{[]string{"state"}, localBudget, exam.state},
		{[]string{"store"}, store, exam.store},
		{[]string{"index"}, store, exam.index},
		{[]string{"clock"}, networkBudget, exam.clock},
		{[]string{"session"}, store, exam.session},
		{[]string{"credential"}, localBudget, exam.credential},
		{[]string{"registry"}, networkBudget, exam.registry},
	}
}

// Examine makes one check after the other. Each has an end, and none stops the others: there is a
// finding for every check, in a fixed order, unless ctx ends.
func Examine(ctx context.Context, opts Options) iter.Seq[Finding] {
	return func(yield func(Finding) bool) {
		x := exam{Options: opts}
		for _, g := range opts.groups() {
			var findings []Finding
			x, findings = x.within(ctx, g)
			for _, f := range findings {
				if ctx.Err() != nil || !yield(f) {
					return
				}
			}
		}
	}
}

// within gives up on a group that does not end: a file may be a pipe, or lie where nothing answers. What
// is given up on goes on in its goroutine with a copy of x.
func (x exam) within(ctx context.Context, g group) (exam, []Finding) {
	ctx, cancel := context.WithTimeout(ctx, g.budget)
	defer cancel()
	type result struct {
		x        exam
		findings []Finding
	}
	done := make(chan result, 1)
	go func() {
		after, findings := g.run(x, ctx)
		done <- result{after, findings}
	}()
	select {
	case r := <-done:
		return r.x, r.findings
	case <-ctx.Done():
	}
	select {
	case r := <-done: // the deadline ended it, and it says at what
		return r.x, r.findings
	case <-time.After(grace):
	}
	findings := []Finding{problem(g.checks[0], "the check did not end in "+g.budget.String(), "see whether a file that it reads is a pipe or lies where nothing answers")}
	for _, check := range g.checks[1:] {
		findings = append(findings, notChecked(check, "the check before did not end"))
	}
	return x, findings
}

// grace is for a group to tell of its deadline, and for the store's probe to be taken away.
const grace = time.Second

func ok(check, found string) Finding { return Finding{Check: check, Status: OK, Found: found} }

func note(check, found, remedy string) Finding {
	return Finding{Check: check, Status: Note, Found: found, Remedy: remedy}
}

func problem(check, found, remedy string) Finding {
	return Finding{Check: check, Status: Problem, Found: found, Remedy: remedy}
}

// notChecked stands where a check has nothing to look at.
func notChecked(check, why string) Finding { return note(check, "not checked: "+why, "") }

// command is a remedy: a command of ours as the user would type it.
func (x exam) command(arguments string) string { return "run " + x.Name + " " + arguments }

func (x exam) environment(context.Context) (exam, []Finding) {
	if x.Environment != nil {
		return x, []Finding{problem("environment", x.Environment.Error(), "set that variable right, then "+x.command("doctor"))}
	}
	return x, []Finding{ok("environment", "the token service is "+x.Settings.HubURL+", the registry "+x.Settings.Registry)}
}

// pluginFolders are where Docker looks for plugins, in its order.
func (x exam) pluginFolders(ctx context.Context) []string {
	var own []string
	if dir := x.Settings.DockerConfigDir; dir != "" {
		own = append(extraPluginFolders(ctx, dockerconfig.Path(dir)), filepath.Join(dir, "cli-plugins"))
	}
	return append(own, x.SystemPlugins...)
}
