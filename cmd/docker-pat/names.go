package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/atomicfile"
	"github.com/docker-pat/docker-pat/internal/regularfile"
	"github.com/docker-pat/docker-pat/internal/settings"
)

// A namesFile is the file in the state folder with the labels and ids of the tokens that were listed last. It is for
// completion, which asks neither Docker Hub nor the keychain; it has no secret and may be deleted.
type namesFile struct {
	Version int        `json:"version"`
	Tokens  []nameView `json:"tokens"`
}

const maxNames = 16 << 20 // bytes

func namesPath(s settings.Settings) string { return filepath.Join(s.StateDir, "names.json") }

// list reads all tokens of the account and keeps their names.
func (a account) list(ctx context.Context) ([]client.Token, error) {
	all, err := a.hub.ListTokens(ctx)
	if err != nil {
		return nil, err
	}
	a.changeNames(func([]nameView) []nameView {
		names := make([]nameView, 0, len(all))
		for _, t := range all {
			names = append(names, nameView{t.ID, t.Label})
		}
		return names
	})
	return all, nil
}

// dropName leaves out a token that is gone.
func (a account) dropName(id string) {
	a.changeNames(func(names []nameView) []nameView {
		return slices.DeleteFunc(names, func(n nameView) bool { return n.ID == id })
	})
}

// putName takes note of a label.
func (a account) putName(id, label string) {
	a.changeNames(func(names []nameView) []nameView {
		names = slices.DeleteFunc(names, func(n nameView) bool { return n.ID == id })
		return append(names, nameView{id, label})
	})
}

// changeNames is a service to completion: a failure, or a change that another process makes at the same time,
// costs a name there and nothing else, so it is not told.
func (a account) changeNames(change func([]nameView) []nameView) {
	if a.org != "" {
		return // they are those of the user
	}
	before, err := regularfile.Read(context.Background(), namesPath(a.settings), maxNames)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return
	}
	after, err := json.Marshal(namesFile{1, change(readNames(before))})
	if err == nil && !bytes.Equal(before, after) {
		_ = atomicfile.Write(namesPath(a.settings), after, atomicfile.Options{})
	}
}

func readNames(data []byte) []nameView {
	var file namesFile
	if json.Unmarshal(data, &file) != nil || file.Version != 1 {
		return nil
	}
	return file.Tokens
}

// forgetNames is for whoever signs in or out: the names are those of one account.
func forgetNames(s settings.Settings) error {
	if err := os.Remove(namesPath(s)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
