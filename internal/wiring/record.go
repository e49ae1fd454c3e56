package wiring

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/docker-pat/docker-pat/internal/atomicfile"
	"github.com/docker-pat/docker-pat/internal/regularfile"
)

// A record is what undo needs to know about one config.json. It has no secret.
type record struct {
	CredsStore    *change            `json:"creds_store,omitempty"`  // nil: not changed
	CredHelpers   map[string]*string `json:"cred_helpers,omitempty"` // registry to helper before; nil for none
	FromPlaintext []string           `json:"from_plaintext,omitempty"`
	Links         []string           `json:"links,omitempty"`
}

type change struct {
	Before string `json:"before"`
	After  string `json:"after"`
}

// recordFile holds a record for each config.json, by its path.
type recordFile struct {
	Version int               `json:"version"`
	Configs map[string]record `json:"configs"`
}

func recordPath(stateDir string) string { return filepath.Join(stateDir, "setup.json") }

// maxRecords bounds the file, in bytes.
const maxRecords = 1 << 20

func readRecord(stateDir, config string) (record, error) {
	file, err := readRecords(stateDir)
	rec := file.Configs[config]
	if rec.CredHelpers == nil {
		rec.CredHelpers = map[string]*string{}
	}
	return rec, err
}

func readRecords(stateDir string) (recordFile, error) {
	file := recordFile{Version: 1, Configs: map[string]record{}}
	data, err := regularfile.Read(context.Background(), recordPath(stateDir), maxRecords)
	if errors.Is(err, os.ErrNotExist) {
		return file, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &file)
	}
	if err != nil {
		return file, fmt.Errorf("read what setup has changed before, %s: %w", recordPath(stateDir), err)
	}
	return file, nil
}

func writeRecord(stateDir, config string, rec record) error {
	return updateRecords(stateDir, func(configs map[string]record) { configs[config] = rec })
}

func removeRecord(stateDir, config string) error {
	return updateRecords(stateDir, func(configs map[string]record) { delete(configs, config) })
}

func updateRecords(stateDir string, update func(map[string]record)) error {
	file, err := readRecords(stateDir)
	if err != nil {
		return err
	}
	if file.Configs == nil {
		file.Configs = map[string]record{}
	}
	update(file.Configs)
	data, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(recordPath(stateDir), append(data, '\n'), atomicfile.Options{Sync: true})
}
