package doctor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/helper"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
)

// probePrefix begins the name of the item that the store is tried with.
const probePrefix = "docker-pat-doctor/"

const noStore = "the store cannot be used"

// store writes an item, reads it back and erases it.
func (x exam) store(ctx context.Context) (exam, []Finding) {
	const check = "store"
	if x.Settings.StateDir == "" {
		return x, []Finding{notChecked(check, "the state folder is not known")}
	}
	key := probePrefix + rand.Text()
	err := x.probe(ctx, key)
	if errors.Is(err, secretstore.ErrLocked) || errors.Is(err, secretstore.ErrUnavailable) {
		return x, []Finding{problem(check, err.Error(), x.storeRemedy(err))} // nothing was stored
	}
	eraseErr := x.erase(ctx, key)
	x.usable = !errors.Is(err, secretstore.ErrTimeout) // after which every call would wait as long
	switch {
	case err != nil:
		return x, []Finding{problem(check, err.Error(), x.storeRemedy(err))}
	case eraseErr != nil:
		return x, []Finding{problem(check, "an item that was stored cannot be erased: "+eraseErr.Error(), x.command("credentials erase "+key))}
	}
	return x, []Finding{ok(check, "an item can be stored, read and erased")}
}

func (x exam) probe(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, x.Settings.KeychainTimeout+localBudget)
	defer cancel()
	text := rand.Text()
	err := x.Store.Put(ctx, key, secretstore.Credential{ServerURL: key, Username: "docker-pat", Secret: secret.New(text)})
	if err != nil {
		return err
	}
	read, err := x.Store.Get(ctx, key)
	if err == nil && read.Secret.Reveal() != text {
		err = fmt.Errorf("read %s back: %w", key, secretstore.ErrDamaged)
	}
	return err
}

// erase takes the probe away, whatever became of it: also what a call that was given up on has stored.
func (x exam) erase(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupBudget)
	defer cancel()
	if err := x.Store.Delete(ctx, key); err != nil {
		return err
	}
	entries, err := x.Store.List(ctx)
	if _, there := entries[key]; there && err == nil {
		err = errors.New("the index still names it")
	}
	return err
}

func (x exam) storeRemedy(err error) string {
	switch hint := helper.Hint(x.Name, err); {
	case hint != "":
		return hint
	case errors.Is(err, fs.ErrPermission):
		return "make " + x.Settings.StateDir + " yours to write"
	}
	return "see that there is room in " + x.Settings.StateDir + " and that your keychain takes new items"
}

// index compares what the index says of the registry's credential with the keychain. The index is read
// first: the store mends it while it looks for what the keychain has lost.
func (x exam) index(ctx context.Context) (exam, []Finding) {
	const check = "index"
	if !x.usable {
		return x, []Finding{notChecked(check, noStore)}
	}
	key, err := credhelper.Key(x.Settings.Registry)
	if err != nil {
		return x, []Finding{notChecked(check, "DOCKER_PAT_REGISTRY: "+err.Error())}
	}
	x.unread = true
	entries, err := x.Store.List(ctx)
	if err != nil {
		return x, []Finding{problem(check, err.Error(), x.indexRemedy())}
	}
	held, err := x.Store.Get(ctx, key)
	entry, named := entries[key]
	x.unread = err != nil && !errors.Is(err, secretstore.ErrNotFound)
	switch {
	case errors.Is(err, secretstore.ErrNotFound) && named:
		x.lost = true
		return x, []Finding{note(check, "it named a credential for "+key+" that the keychain has no more, and was corrected", "")}
	case errors.Is(err, secretstore.ErrNotFound):
	case err != nil:
		return x, []Finding{problem(check, err.Error(), x.storeRemedy(err))}
	default:
		x.held = &held
		if !named || !reflect.DeepEqual(entry, secretstore.Entry{ServerURL: held.ServerURL, Username: held.Username, Token: held.Token}) {
			return x, []Finding{problem(check, "it does not say of "+key+" what the keychain holds", x.indexRemedy())}
		}
	}
	return x, []Finding{x.leftovers(entries)}
}

// leftovers finds probes of a doctor that was killed.
func (x exam) leftovers(entries map[string]secretstore.Entry) Finding {
	left := slices.DeleteFunc(slices.Sorted(maps.Keys(entries)), func(key string) bool { return !strings.HasPrefix(key, probePrefix) })
	if len(left) > 0 {
		list := strings.Join(left, " ")
		return note("index", "left behind by a doctor that was interrupted: "+list, x.command("credentials erase "+list))
	}
	return ok("index", fmt.Sprintf("it agrees with the keychain; number of entries: %d", len(entries)))
}

// indexRemedy has the index made again: from the keychain where that can name its items, and otherwise
// at least for the registry.
func (x exam) indexRemedy() string {
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		return x.command("create")
	}
	return "remove " + filepath.Join(x.Settings.StateDir, "index.json") + ": it is made again from the keychain"
}
