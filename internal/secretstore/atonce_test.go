//go:build linux

package secretstore_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/testbed"
)

// notFound is how the protocol says that there is no credential.
const notFound = "credentials not found in native keychain\n"

// A write is a store or an erase (nil) that succeeded, and when it ran.
type write struct {
	stored       *message
	began, ended time.Time
}

// Fifty programs that start at the same moment, a few times over. Some of them write what others write,
// read or erase, some what is theirs alone. What is there in the end is what the last writer left, and the
// index says the same of it as the keychain.
func TestFiftyProgramsAtTheSameMoment(t *testing.T) {
	t.Parallel()
	const programs, rounds = 50, 3
	k := testbed.KeyringFor(t)
	state := t.TempDir()
	p := buildProgram(t, append(k.Env(), "HOME="+state, "DOCKER_PAT_STATE_DIR="+state, "DOCKER_PAT_KEYCHAIN_TIMEOUT=60s"))

	var mu sync.Mutex
	writes := map[string][]write{} // by server URL
	timed := func(serverURL string, stored *message, call func() error) error {
		began := time.Now()
		err := call()
		mu.Lock()
		defer mu.Unlock()
		writes[serverURL] = append(writes[serverURL], write{stored, began, time.Now()})
		return err
	}
	made := func(serverURL string, i int) message {
		return message{serverURL, fmt.Sprintf("moby%d", i), strings.Repeat(fmt.Sprintf("%d:", i), 2000+10*i)}
	}
	store := func(serverURL string, i int) error {
		m := made(serverURL, i)
		return timed(serverURL, &m, func() error { _, err := p.call(t, "store", m.String()); return err })
	}
	erase := func(serverURL string) error {
		return timed(serverURL, nil, func() error { _, err := p.call(t, "erase", serverURL); return err })
	}
	get := func(serverURL string) error {
		out, err := p.call(t, "get", serverURL)
		if out == notFound {
			return nil // erased, or not stored so far
		}
		var got message
		if err == nil {
			err = json.Unmarshal([]byte(out), &got)
		}
		var i int
		if _, scanErr := fmt.Sscanf(got.Secret, "%d:", &i); err == nil && (scanErr != nil || got != made(serverURL, i)) {
			err = fmt.Errorf("get %s gave parts of several stores: %.40q", serverURL, got.Secret)
		}
		return err
	}
	const shared, contested = "shared.example", "contested.example"
	calls := []func(i int) error{
		func(i int) error { return store(shared, i) },
		func(int) error { return get(shared) },
		func(i int) error { return store(contested, i) },
		func(int) error { return get(contested) },
		func(int) error { return erase(contested) },
		func(i int) error { return store(fmt.Sprintf("r%d.example", i%programs), i) },
		func(i int) error { return get(fmt.Sprintf("r%d.example", (i-1)%programs)) },
		func(i int) error { return erase(fmt.Sprintf("r%d.example", (i-11)%programs)) },
		func(int) error { _, err := p.call(t, "list", ""); return err },
	}
	for round := range rounds {
		var wg sync.WaitGroup
		start := make(chan struct{})
		for i := range programs {
			wg.Go(func() {
				<-start
				if err := calls[i%len(calls)](programs*(round+1) + i); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		wg.Wait()
	}

	held := map[string]secretstore.Entry{}
	for serverURL, all := range writes {
		out, err := p.call(t, "get", serverURL)
		var got *message
		if err == nil {
			got = new(message)
			err = json.Unmarshal([]byte(out), got)
			held[serverURL] = secretstore.Entry{ServerURL: got.ServerURL, Username: got.Username}
		}
		if err != nil && out != notFound {
			t.Error(err)
		}
		if !slices.ContainsFunc(lastOf(all), func(w write) bool { return reflect.DeepEqual(w.stored, got) }) {
			t.Errorf("%s holds %.60v..., which is not what the last of %d writers left", serverURL, got, len(all))
		}
	}
	if _, there := held[shared]; !there || len(held) < 2 {
		t.Errorf("%d credentials are there in the end", len(held))
	}
	wantIndexAndKeychainToAgree(t, k, state, held)
}

// lastOf returns the writes that may have been the last: those after whose end no other began.
func lastOf(all []write) []write {
	return slices.DeleteFunc(slices.Clone(all), func(w write) bool {
		return slices.ContainsFunc(all, func(other write) bool { return other.began.After(w.ended) })
	})
}

func wantIndexAndKeychainToAgree(t *testing.T, k *testbed.Keyring, state string, want map[string]secretstore.Entry) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(state, "index.json"))
	var index struct{ Entries map[string]secretstore.Entry }
	if err != nil || json.Unmarshal(data, &index) != nil || !reflect.DeepEqual(index.Entries, want) {
		t.Errorf("the index has %v, %v; want %v", index.Entries, err, want)
	}
	keys, err := secretstore.NewKeychain(service, k.Getenv).(secretstore.Lister).Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if _, there := want[key]; !there {
			t.Errorf("the keychain has an item for %s, which is neither in the index nor to be got", key)
		}
	}
	if len(keys) != len(want) {
		t.Errorf("the keychain has %d items, want %d", len(keys), len(want))
	}
}
