package secretstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
)

// small is a keychain with the limits of Windows' and macOS': 2,560 bytes an item, and 4,096 for an item
// in base64 with its name. It fails at the call that fail counts down to, when that is not 0.
type small struct {
	items map[string]string
	fail  int
}

var errSmall = errors.New("the keychain fails here")

func (s *small) step() error {
	s.fail--
	if s.fail == 0 {
		return errSmall
	}
	return nil
}

func (s *small) Get(_ context.Context, key string) (string, error) {
	if err := s.step(); err != nil {
		return "", err
	}
	value, ok := s.items[key]
	if !ok {
		return "", ErrNotFound
	}
	return value, nil
}

func (s *small) Set(_ context.Context, key, value string) error {
	if err := s.step(); err != nil {
		return err
	}
	if len(value) > 2560 || (len(value)+2)/3*4+2*len(key)+200 > 4096 {
		return fmt.Errorf("%d bytes are too many", len(value))
	}
	s.items[key] = value
	return nil
}

func (s *small) Delete(_ context.Context, key string) error {
	if err := s.step(); err != nil {
		return err
	}
	if _, ok := s.items[key]; !ok {
		return ErrNotFound
	}
	delete(s.items, key)
	return nil
}

func TestPartsOfEverySize(t *testing.T) {
	t.Parallel()
	keychain := &small{items: map[string]string{}}
	p := parts{keychain}
	key := "https://" + strings.Repeat("r", 100) + ".example/repository"
	for _, size := range []int{0, 1, 2047, 2048, 2049, 4096, 4097, 10_000, 64 << 10, 3, 70_000, 2049} {
		want := strings.Repeat("\x00é<&>", size/6+1)[:size]
		if err := p.Set(t.Context(), key, want); err != nil {
			t.Fatalf("Set of %d bytes: %v", size, err)
		}
		if got, err := p.Get(t.Context(), key); err != nil || got != want {
			t.Errorf("Get = %d bytes, %v; want %d", len(got), err, size)
		}
		if want := 1 + (size+partSize-1)/partSize; len(keychain.items) != want && (size > partSize || len(keychain.items) != 1) {
			t.Errorf("%d bytes are in %d items: parts of an earlier value were left", size, len(keychain.items))
		}
	}
	if err := p.Delete(t.Context(), key); err != nil || len(keychain.items) != 0 {
		t.Errorf("Delete = %v and leaves %d items", err, len(keychain.items))
	}
	if err := p.Delete(t.Context(), key); !errors.Is(err, ErrNotFound) {
		t.Errorf("Delete again = %v, want ErrNotFound", err)
	}
}

// Whatever call fails, what is read afterwards is the old value or the new one, whole.
func TestPartsSurviveAFailureAtEveryCall(t *testing.T) {
	t.Parallel()
	small1, large1, large2 := "old", strings.Repeat("old", 2000), strings.Repeat("new!", 2000)
	for _, change := range [][2]string{{small1, large2}, {large1, large2}, {large1, "new"}, {"", large2}} {
		for call := 1; ; call++ {
			keychain := &small{items: map[string]string{}}
			p := parts{keychain}
			if change[0] != "" {
				if err := p.Set(t.Context(), "k", change[0]); err != nil {
					t.Fatal(err)
				}
			}
			keychain.fail = call
			err := p.Set(t.Context(), "k", change[1])
			done := keychain.fail > 0 // it needed fewer calls than that
			keychain.fail = 0
			got, getErr := p.Get(t.Context(), "k")
			switch {
			case err == nil && got != change[1]:
				t.Errorf("call %d: Set succeeded and %d bytes are there", call, len(got))
			case getErr != nil && (change[0] != "" || !errors.Is(getErr, ErrNotFound)):
				t.Errorf("call %d: Get = %v after Set = %v", call, getErr, err)
			case getErr == nil && got != change[0] && got != change[1]:
				t.Errorf("call %d: %d bytes are there, neither the old value nor the new", call, len(got))
			}
			if done {
				break
			}
		}
	}
}

// A reader that has the head in hand when a writer replaces or deletes the value reads what is there now.
func TestPartsThatAreReplacedWhileTheyAreRead(t *testing.T) {
	t.Parallel()
	large1, large2 := strings.Repeat("old", 2000), strings.Repeat("new!", 2000)
	for name, tt := range map[string]struct {
		change  func(parts) error
		want    string
		wantErr error
	}{
		"by a large value": {func(p parts) error { return p.Set(t.Context(), "k", large2) }, large2, nil},
		"by a small value": {func(p parts) error { return p.Set(t.Context(), "k", "new") }, "new", nil},
		"by nothing":       {func(p parts) error { return p.Delete(t.Context(), "k") }, "", ErrNotFound},
	} {
		for call := 1; call <= 3; call++ { // the head and two of its three parts
			keychain := &small{items: map[string]string{}}
			if err := (parts{keychain}).Set(t.Context(), "k", large1); err != nil {
				t.Fatal(err)
			}
			got, err := parts{&meanwhile{Keychain: keychain, call: call, change: func() error { return tt.change(parts{keychain}) }}}.Get(t.Context(), "k")
			if got != tt.want || !errors.Is(err, tt.wantErr) {
				t.Errorf("%s after call %d: Get = %d bytes, %v; want %d, %v", name, call, len(got), err, len(tt.want), tt.wantErr)
			}
		}
	}
}

// meanwhile makes a change after one of its Get calls.
type meanwhile struct {
	Keychain
	call   int
	change func() error
}

func (m *meanwhile) Get(ctx context.Context, key string) (string, error) {
	value, err := m.Keychain.Get(ctx, key)
	if m.call--; m.call == 0 {
		err = errors.Join(err, m.change())
	}
	return value, err
}

func TestPartsThatAreMissingOrMixed(t *testing.T) {
	t.Parallel()
	whole := func() *small {
		s := &small{items: map[string]string{}}
		if err := (parts{s}).Set(t.Context(), "k", strings.Repeat("secret", 1000)); err != nil {
			t.Fatal(err)
		}
		return s
	}
	for name, spoil := range map[string]func(*small){
		"missing": func(s *small) {
			maps.DeleteFunc(s.items, func(key, _ string) bool { return strings.HasSuffix(key, ".1") })
		},
		"changed": func(s *small) {
			for key := range s.items {
				if strings.HasSuffix(key, ".0") {
					s.items[key] += "x"
				}
			}
		},
		"no count":  func(s *small) { s.items["k"] = headMark + "g:x:y" },
		"huge":      func(s *small) { s.items["k"] = headMark + "g:999999:y" },
		"too short": func(s *small) { s.items["k"] = headMark },
	} {
		s := whole()
		spoil(s)
		if got, err := (parts{s}).Get(t.Context(), "k"); !errors.Is(err, ErrDamaged) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: Get = %q, %v; want ErrDamaged", name, got, err)
		}
	}
}
