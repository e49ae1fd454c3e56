package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is set at link time: -X main.release=v1.2.3.
var release string

type versionInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Package  string `json:"package"`
}

const modulePath = "github.com/docker-pat/docker-pat"

// version is that of the release, of the module that was installed, or "devel".
func version() versionInfo {
	v := versionInfo{Version: release, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Package: modulePath}
	if info, ok := debug.ReadBuildInfo(); ok {
		if v.Version == "" && info.Main.Version != "(devel)" {
			v.Version = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Revision = s.Value
			}
		}
	}
	if v.Version == "" {
		v.Version = "devel"
	}
	return v
}

// userAgent names the program to services: docker-pat/v1.2.3 (linux/amd64).
func (v versionInfo) userAgent() string {
	return fmt.Sprintf("docker-pat/%s (%s)", v.Version, v.Platform)
}

type versionOptions struct {
	sys  *system
	json bool
}

func newVersionCmd(sys *system) *cobra.Command {
	opts := versionOptions{sys: sys}
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version of this program",
		Args:  usage(cobra.NoArgs),
		RunE:  func(*cobra.Command, []string) error { return opts.run() },
	}
	cmd.Flags().BoolVar(&opts.json, "json", false, "print JSON")
	return cmd
}

func (o versionOptions) run() error {
	v := version()
	if o.json {
		return printJSON(o.sys.Out, v)
	}
	_, err := fmt.Fprintf(o.sys.Out, "docker-pat %s (%s, %s)\n", v.Version, v.Platform, v.Go)
	return err
}
