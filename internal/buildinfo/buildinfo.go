// Package buildinfo says which build of docker-pat this is.
package buildinfo

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Module is the path of the project.
const Module = "github.com/docker-pat/docker-pat"

// release is set at link time, to a tag such as v1.2.3.
var release string

// Info describes a build. Its JSON is what `docker-pat version --json` prints.
type Info struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Package  string `json:"package"`
}

// Get returns the version of the release, of the module that was installed, or "devel".
func Get() Info {
	i := Info{Version: release, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Package: Module}
	if build, ok := debug.ReadBuildInfo(); ok {
		if i.Version == "" && build.Main.Version != "(devel)" {
			i.Version = build.Main.Version
		}
		for _, s := range build.Settings {
			if s.Key == "vcs.revision" {
				i.Revision = s.Value
			}
		}
	}
	if i.Version == "" {
		i.Version = "devel"
	}
	return i
}

// UserAgent names the program to services: docker-pat/v1.2.3 (linux/amd64).
func (i Info) UserAgent() string { return fmt.Sprintf("docker-pat/%s (%s)", i.Version, i.Platform) }
