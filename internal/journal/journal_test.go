package journal_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/journal"
)

func entry() journal.Entry {
	return journal.Entry{
		ID: journal.NewID(), HubURL: "https://hub.test", Username: "moby", Label: "laptop", Makes: true,
		Tokens: []string{"5f1c"}, Key: "registry.test", StartedAt: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
	}
}

// dead lists the operations that can be taken over, and leaves them.
func dead(t *testing.T, j journal.Journal) []journal.Entry {
	t.Helper()
	var entries []journal.Entry
	err := j.Dead(func(op *journal.Operation) error {
		entries = append(entries, op.Entry)
		return op.Leave()
	})
	if err != nil {
		t.Error(err)
	}
	return entries
}

func TestOperation(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "not", "yet")
	j := journal.In(dir)
	if j.Any() || len(dead(t, j)) != 0 {
		t.Error("a new journal has entries")
	}
	want := entry()
	op, err := j.Begin(want)
	if err != nil {
		t.Fatal(err)
	}
	if got := dead(t, j); len(got) != 0 || !j.Any() {
		t.Errorf("somebody is at work, and it is dead: %+v", got)
	}
	if _, err := j.Begin(want); err == nil {
		t.Error("two operations have one id")
	}
	want.HandedOut = true
	if err := op.Update(func(e *journal.Entry) { e.HandedOut = true }); err != nil {
		t.Error(err)
	}
	if err := op.Leave(); err != nil {
		t.Error(err)
	}
	if got := dead(t, j); !reflect.DeepEqual(got, []journal.Entry{want}) || !reflect.DeepEqual(j.Entries(), got) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := j.Dead((*journal.Operation).Done); err != nil {
		t.Error(err)
	}
	if files, err := os.ReadDir(filepath.Join(dir, "journal")); err != nil || j.Any() || len(files) != 0 {
		t.Errorf("at the end there are %q, %v", files, err)
	}
}

// TestModes holds whatever the umask is: labels are nobody else's business.
func TestModes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	op, err := journal.In(dir).Begin(entry())
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{
		"journal": 0o700, filepath.Join("journal", op.Entry.ID+".json"): 0o600, filepath.Join("journal", op.Entry.ID+".lock"): 0o600,
	} {
		if info, err := os.Stat(filepath.Join(dir, path)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %o", path, info.Mode(), err, want)
		}
	}
}

// TestDamaged leaves what it cannot read, and does the rest.
func TestDamaged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := journal.In(dir)
	op, err := j.Begin(entry())
	if err != nil || op.Leave() != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"a": "", "b": "{", "c": `{"id":"another"}`} {
		if err := os.WriteFile(filepath.Join(dir, "journal", name+".json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ended := 0
	if err := j.Dead(func(op *journal.Operation) error { ended++; return op.Done() }); err == nil || ended != 1 {
		t.Errorf("got %v, and %d were ended", err, ended)
	}
	if len(j.Entries()) != 0 || !j.Any() {
		t.Errorf("got %+v, any %v", j.Entries(), j.Any())
	}
}

// TestSweep removes what kills have left, and nothing of the living.
func TestSweep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := journal.In(dir)
	op, err := j.Begin(entry())
	if err != nil {
		t.Fatal(err)
	}
	stale := []string{"gone.lock", ".gone.json.docker-pat-1", op.Entry.ID + ".lock"}
	for _, name := range append(stale, "fresh.lock") {
		path := filepath.Join(dir, "journal", name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if name != "fresh.lock" {
			if err := os.Chtimes(path, time.Time{}, time.Now().Add(-2*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
	}
	dead(t, j)
	for name, want := range map[string]bool{"gone.lock": false, ".gone.json.docker-pat-1": false, op.Entry.ID + ".lock": true, "fresh.lock": true} {
		if _, err := os.Stat(filepath.Join(dir, "journal", name)); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", name, err, want)
		}
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	j := journal.In(t.TempDir())
	unlock, err := j.TryLock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.TryLock(); !errors.Is(err, journal.ErrBusy) {
		t.Errorf("got %v, want %v", err, journal.ErrBusy)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := j.Lock(ctx); !errors.Is(err, journal.ErrBusy) {
		t.Errorf("got %v, want %v", err, journal.ErrBusy)
	}
	interrupted, interrupt := context.WithCancel(t.Context())
	interrupt()
	if _, err := j.Lock(interrupted); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	time.AfterFunc(50*time.Millisecond, func() { _ = unlock() })
	again, err := j.Lock(t.Context())
	if err != nil || again() != nil {
		t.Errorf("Lock after it was let go: %v", err)
	}
}
