package doctor

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/docker-pat/docker-pat/internal/helper"
	"github.com/docker-pat/docker-pat/internal/regularfile"
)

const pluginName = "docker-pat"

// plugin looks where Docker looks. The first file of the name counts for Docker, whatever it is.
func (x exam) plugin(ctx context.Context) (exam, []Finding) {
	var plugins, misplaced []string
	for _, dir := range x.pluginFolders(ctx) {
		if path := filepath.Join(dir, exeName(pluginName)); exists(path) {
			plugins = append(plugins, path)
		}
		if path := filepath.Join(dir, exeName(helper.Name)); exists(path) {
			misplaced = append(misplaced, path)
		}
	}
	folder := ok("plugin-folder", helper.Name+" is not among Docker's plugins, where it does not belong")
	if len(misplaced) > 0 {
		list := strings.Join(misplaced, " and ")
		folder = problem("plugin-folder", list+" is no plugin, and Docker lists it as invalid", "remove "+list)
	}
	return x, []Finding{x.firstPlugin(ctx, plugins), folder}
}

func (x exam) firstPlugin(ctx context.Context, plugins []string) Finding {
	if len(plugins) == 0 {
		return note("plugin", "docker pat is not installed", x.command("setup"))
	}
	first := plugins[0]
	remedy := "remove " + first
	if len(plugins) == 1 {
		remedy += ", then " + x.command("setup")
	}
	if own := filepath.Join(x.Settings.DockerConfigDir, "cli-plugins", exeName(pluginName)); first == own && isLink(first) {
		remedy = x.command("setup")
	}
	if _, err := os.Stat(first); err != nil {
		return problem("plugin", first+" leads nowhere", remedy)
	}
	version, err := x.Outside.PluginVersion(ctx, first)
	switch {
	case err != nil:
		return problem("plugin", first+": "+err.Error(), remedy)
	case version != x.Version:
		return problem("plugin", first+" is "+version+" and docker-pat "+x.Version, remedy)
	case len(plugins) > 1:
		return note("plugin", first+" goes before "+strings.Join(plugins[1:], " and "), "remove all but one")
	}
	return ok("plugin", first)
}

// extraPluginFolders are those that Docker's config.json adds. They are read without care: what is
// wrong with the file is the affair of another check.
func extraPluginFolders(ctx context.Context, path string) []string {
	data, err := regularfile.Read(ctx, path, maxFile)
	if err != nil {
		return nil
	}
	var file struct {
		Folders []string `json:"cliPluginsExtraDirs"`
	}
	_ = json.Unmarshal(data, &file)
	return file.Folders
}

// SystemPlugins are the folders in which Docker looks for plugins for every user.
// Source: docker/cli, cli-plugins/manager/manager_unix.go and manager_windows.go.
func SystemPlugins(goos string, env func(string) string) []string {
	if goos == "windows" {
		return []string{filepath.Join(env("ProgramFiles"), "Docker", "cli-plugins")}
	}
	return []string{
		"/usr/local/lib/docker/cli-plugins", "/usr/local/libexec/docker/cli-plugins",
		"/usr/lib/docker/cli-plugins", "/usr/libexec/docker/cli-plugins",
	}
}
