package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/internal/buildinfo"
)

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
	v := buildinfo.Get()
	if o.json {
		return printJSON(o.sys.Out, v)
	}
	_, err := fmt.Fprintf(o.sys.Out, "docker-pat %s (%s, %s)\n", v.Version, v.Platform, v.Go)
	return err
}
