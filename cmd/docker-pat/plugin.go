package main

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/docker-pat/docker-pat/internal/buildinfo"
)

// The contract of Docker CLI plugins, https://github.com/docker/cli, package cli-plugins/metadata: its
// four names are copied here, since its module brings Docker's whole command line along.
const (
	pluginName            = "pat"
	pluginMetadataCommand = "docker-cli-plugin-metadata"
	pluginVendor          = "docker-pat" // by which doctor knows it again
)

// printPluginMetadata answers `docker help` and `docker info`, which wait for it: it touches nothing.
func printPluginMetadata(sys *system) int {
	metadata := struct{ SchemaVersion, Vendor, Version, ShortDescription, URL string }{
		"0.1.0", pluginVendor, buildinfo.Get().Version, "Manage Docker Hub access tokens", "https://github.com/docker-pat/docker-pat",
	}
	return report(sys, json.NewEncoder(sys.Out).Encode(metadata))
}

type pluginCall struct {
	args         []string // without Docker's global flags and the plugin's name
	dockerConfig string   // of --config, or ""
}

// pluginArguments recognises a call by Docker: all of docker's own arguments, global flags included,
// with the plugin's name as the first that is no flag. `docker help pat list` and completion put a word
// before the name.
func pluginArguments(args []string) (pluginCall, bool) {
	call := pluginCall{args: []string{}} // not nil: to cobra that would mean the program's own arguments
	for i := 0; i < len(args); i++ {
		name, value, hasValue := strings.Cut(args[i], "=")
		switch {
		case args[i] == pluginName:
			call.args = append(call.args, args[i+1:]...)
			return call, true
		case !strings.HasPrefix(args[i], "-"):
			if len(call.args) > 0 || !slices.Contains([]string{"help", "__complete", "__completeNoDesc"}, args[i]) {
				return pluginCall{}, false
			}
			call.args = append(call.args, args[i])
		case name == "--help" || name == "-h":
			call.args = append(call.args, "--help")
		default:
			if slices.Contains(dockerValueFlags(), name) && !hasValue && i+1 < len(args) {
				i++
				value = args[i]
			}
			if name == "--config" {
				call.dockerConfig = value
			}
		}
	}
	return pluginCall{}, false
}

// dockerValueFlags are docker's global flags that take a value; the others (-D, --tls…) take none.
func dockerValueFlags() []string {
	return []string{"--config", "-c", "--context", "-H", "--host", "-l", "--log-level", "--tlscacert", "--tlscert", "--tlskey"}
}
