package doctor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/docker-pat/docker-pat/internal/helper"
	"github.com/docker-pat/docker-pat/internal/wiring"
)

// helper looks for the program that Docker would run.
func (x exam) helper(ctx context.Context) (exam, []Finding) {
	paths := x.onPath(helper.Name)
	if len(paths) == 0 {
		const none = "there is no " + helper.Name + " on PATH"
		return x, []Finding{
			problem("helper", none, x.command("setup")),
			notChecked("helper-others", none), notChecked("helper-version", none),
		}
	}
	first := paths[0]
	others := ok("helper-others", "it is the only one on PATH")
	if len(paths) > 1 {
		others = note("helper-others", "there is another behind it on PATH: "+strings.Join(paths[1:], ", "), "remove all but one")
	}
	version, err := x.Outside.HelperVersion(ctx, first)
	switch {
	case errors.Is(err, wiring.ErrOtherProgram):
		return x, []Finding{
			problem("helper", first+" is another program", "remove "+first+", then "+x.command("setup")),
			others, notChecked("helper-version", "it is another program"),
		}
	case err != nil:
		return x, []Finding{
			problem("helper", first+": "+err.Error(), "remove "+first+", then "+x.command("setup")),
			others, notChecked("helper-version", "it does not answer"),
		}
	}
	return x, []Finding{ok("helper", first), others, x.helperVersion(first, version)}
}

func (x exam) helperVersion(path, version string) Finding {
	if version == x.Version {
		return ok("helper-version", version)
	}
	remedy := "install both programs in the same version"
	if isLink(path) {
		remedy = x.command("setup")
	}
	return problem("helper-version", helper.Name+" is "+version+" and docker-pat "+x.Version, remedy)
}

// onPath returns the programs of a name in the order of PATH, each once however many folders lead to it.
func (x exam) onPath(name string) []string {
	var paths []string
	var seen []os.FileInfo
	for _, dir := range x.Path {
		path := filepath.Join(dir, exeName(name))
		info, err := os.Stat(path)
		if err != nil || !filepath.IsAbs(dir) || !isProgram(info) { // Go, and so Docker, runs nothing by a relative path
			continue
		}
		if !slices.ContainsFunc(seen, func(other os.FileInfo) bool { return os.SameFile(other, info) }) {
			paths, seen = append(paths, path), append(seen, info)
		}
	}
	return paths
}

func isProgram(info os.FileInfo) bool {
	return info.Mode().IsRegular() && (runtime.GOOS == "windows" || info.Mode().Perm()&0o111 != 0)
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().Type() == os.ModeSymlink
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func exeName(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}
