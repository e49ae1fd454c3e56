package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/docker-pat/docker-pat/internal/regularfile"
	"github.com/docker-pat/docker-pat/internal/settings"
)

const noFolder = "its folder is not known"

// maxFile bounds what is read of a file, in bytes.
const maxFile = 16 << 20

// settings reads our own config.json.
func (x exam) settings(context.Context) (exam, []Finding) {
	const check = "settings"
	if x.Settings.ConfigDir == "" {
		return x, []Finding{notChecked(check, noFolder)}
	}
	path := filepath.Join(x.Settings.ConfigDir, "config.json")
	prefs, err := x.Settings.Preferences()
	switch {
	case errors.Is(err, fs.ErrPermission):
		return x, []Finding{problem(check, err.Error(), "make "+path+" readable for you")}
	case err != nil:
		return x, []Finding{problem(check, err.Error(), "correct "+path)}
	case prefs.Passwords == settings.PasswordsStore:
		return x, []Finding{note(check, "passwords is \"store\": a password that docker login is given for Docker Hub is kept", "take passwords out of "+path)}
	case !exists(path):
		return x, []Finding{ok(check, "the defaults")}
	}
	return x, []Finding{ok(check, path)}
}

// state looks at the folder that holds the index, and at what lies in it.
func (x exam) state(ctx context.Context) (exam, []Finding) {
	const check = "state"
	dir := x.Settings.StateDir
	if dir == "" {
		return x, []Finding{notChecked(check, noFolder)}
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return x, []Finding{ok(check, "nothing is kept yet")}
	case err != nil:
		return x, []Finding{problem(check, err.Error(), "make "+dir+" yours")}
	case !info.IsDir():
		return x, []Finding{problem(check, dir+" is no folder", "remove "+dir)}
	}
	for _, look := range []func(dir string, info fs.FileInfo) (Finding, bool){
		wrongOwner, openFolder, wrongFile,
		func(dir string, _ fs.FileInfo) (Finding, bool) { return x.damagedIndex(ctx, dir) },
	} {
		if finding, wrong := look(dir, info); wrong {
			finding.Check = check
			return x, []Finding{finding}
		}
	}
	return x, []Finding{ok(check, dir)}
}

func wrongOwner(path string, info fs.FileInfo) (Finding, bool) {
	uid, known := owner(info)
	if !known || uid == os.Getuid() {
		return Finding{}, false
	}
	remedy := fmt.Sprintf("run sudo chown -R %d %s", os.Getuid(), shellQuote(path))
	if os.Getuid() == 0 {
		remedy = "do not use sudo: work as the user whose folder it is"
	}
	return problem("", fmt.Sprintf("%s belongs to the user %d and not to you (%d)", path, uid, os.Getuid()), remedy), true
}

func openFolder(dir string, info fs.FileInfo) (Finding, bool) {
	mode := info.Mode().Perm()
	switch {
	case runtime.GOOS == "windows" || mode == 0o700:
		return Finding{}, false
	case mode&0o700 != 0o700:
		return problem("", fmt.Sprintf("%s has the mode %04o: you cannot work there", dir, mode), "run chmod 700 "+shellQuote(dir)), true
	}
	return problem("", fmt.Sprintf("others on this machine can look into %s (mode %04o)", dir, mode), "run chmod 700 "+shellQuote(dir)), true
}

// wrongFile looks for a file that others can read, or that is not ours or not readable.
func wrongFile(dir string, _ fs.FileInfo) (Finding, bool) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return problem("", err.Error(), "make "+dir+" readable for you"), true
	}
	var open []string
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // it is gone again, or not one of ours
		}
		path := filepath.Join(dir, entry.Name())
		if finding, wrong := wrongOwner(path, info); wrong {
			return finding, true
		}
		if mode := info.Mode().Perm(); runtime.GOOS != "windows" && (mode&0o077 != 0 || mode&0o600 != 0o600) {
			open = append(open, shellQuote(path))
		}
	}
	if len(open) > 0 {
		list := strings.Join(open, " ")
		return problem("", "only you should be able to read and write "+list, "run chmod 600 "+list), true
	}
	return Finding{}, false
}

// damagedIndex is no problem: the store makes the index again.
func (x exam) damagedIndex(ctx context.Context, dir string) (Finding, bool) {
	path := filepath.Join(dir, "index.json")
	data, err := regularfile.Read(ctx, path, maxFile)
	pipe := errors.Is(err, regularfile.ErrNotRegular)
	if err != nil && !pipe || err == nil && json.Valid(data) {
		return Finding{}, false
	}
	return note("", path+" was damaged and is made again", "see what is left: "+x.command("credentials")), true
}
