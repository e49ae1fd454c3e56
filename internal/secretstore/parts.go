package secretstore

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// partSize is what every keychain takes in one item, in bytes. Windows holds 2,560; macOS is handed the
// item, in base64 and with its name, on a line of 4,096.
const partSize = 2048

// headMark begins the item that stands for a value in parts: docker-pat-parts:GENERATION:COUNT:SHA-256.
const headMark = "docker-pat-parts:"

// parts keeps values of any size in a keychain whose items are small. A value that fits is stored as it
// is. A larger one is written as parts under names of a new generation, then the head that names them
// takes the place of what was there, then the parts of the generation before are deleted: a kill at
// any moment leaves the old value or the new one.
type parts struct{ Keychain }

func (p parts) Get(ctx context.Context, key string) (string, error) {
	item, err := p.Keychain.Get(ctx, key)
	for err == nil && strings.HasPrefix(item, headMark) {
		value, wholeErr := p.whole(ctx, key, item)
		if !errors.Is(wholeErr, ErrDamaged) {
			return value, wholeErr
		}
		// Reading takes no lock: the parts may have gone because the value was replaced or deleted.
		before := item
		if item, err = p.Keychain.Get(ctx, key); err == nil && item == before {
			return "", wholeErr
		}
	}
	return item, err
}

// whole puts the value together whose head is item.
func (p parts) whole(ctx context.Context, key, item string) (string, error) {
	h, err := parseHead(item)
	if err != nil {
		return "", err
	}
	var whole strings.Builder
	for i := range h.count {
		part, err := p.Keychain.Get(ctx, h.name(key, i))
		if errors.Is(err, ErrNotFound) {
			return "", fmt.Errorf("%w: a part of it is missing", ErrDamaged) // it must not pass for "nothing there"
		}
		if err != nil {
			return "", err
		}
		whole.WriteString(part)
	}
	if sum(whole.String()) != h.sum {
		return "", fmt.Errorf("%w: its parts do not belong together", ErrDamaged)
	}
	return whole.String(), nil
}

func (p parts) Set(ctx context.Context, key, value string) error {
	before, err := p.Keychain.Get(ctx, key)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if len(value) <= partSize {
		if err := p.Keychain.Set(ctx, key, value); err != nil {
			return err
		}
		return p.deleteParts(ctx, key, before)
	}
	h := head{generation: rand.Text(), count: (len(value) + partSize - 1) / partSize, sum: sum(value)}
	for i := range h.count {
		part := value[i*partSize : min((i+1)*partSize, len(value))]
		if err := p.Keychain.Set(ctx, h.name(key, i), part); err != nil {
			return errors.Join(err, p.deleteParts(context.WithoutCancel(ctx), key, h.String()))
		}
	}
	if err := p.Keychain.Set(ctx, key, h.String()); err != nil {
		return errors.Join(err, p.deleteParts(context.WithoutCancel(ctx), key, h.String()))
	}
	return p.deleteParts(ctx, key, before)
}

func (p parts) Delete(ctx context.Context, key string) error {
	before, err := p.Keychain.Get(ctx, key)
	if err == nil {
		err = p.Keychain.Delete(ctx, key)
	}
	if err != nil {
		return err
	}
	return p.deleteParts(ctx, key, before)
}

// deleteParts deletes the parts that the item head names, if it is a head.
func (p parts) deleteParts(ctx context.Context, key, item string) error {
	h, err := parseHead(item)
	if err != nil {
		return nil //nolint:nilerr // a value that was whole
	}
	for i := range h.count {
		if err := p.Keychain.Delete(ctx, h.name(key, i)); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}

type head struct {
	generation string
	count      int
	sum        string
}

func (h head) String() string {
	return fmt.Sprintf("%s%s:%d:%s", headMark, h.generation, h.count, h.sum)
}

func (h head) name(key string, i int) string { return fmt.Sprintf("%s#%s.%d", key, h.generation, i) }

// maxParts is more than the largest secret that the protocol carries takes, and bounds a damaged head.
const maxParts = 256

func parseHead(item string) (head, error) {
	rest, ok := strings.CutPrefix(item, headMark)
	fields := strings.Split(rest, ":")
	if !ok || len(fields) != 3 {
		return head{}, ErrDamaged
	}
	count, err := strconv.Atoi(fields[1])
	h := head{generation: fields[0], count: count, sum: fields[2]}
	if err != nil || count < 1 || count > maxParts || h.String() != item {
		return head{}, ErrDamaged
	}
	return h, nil
}

func sum(value string) string {
	digest := sha256.Sum256([]byte(value))
	return hex.EncodeToString(digest[:])
}
