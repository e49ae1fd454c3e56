// Command docker-pat manages Docker Hub access tokens. Called docker-credential-pat it is a Docker
// credential helper, and from Docker's folder of plugins it is `docker pat`.
package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/docker-pat/docker-pat/internal/helper"
)

func main() { os.Exit(run(realSystem(), os.Args)) }

// run is the one place that looks at the name it was called by.
func run(sys *system, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	name := strings.TrimSuffix(strings.ToLower(filepath.Base(args[0])), ".exe")
	if name == helper.Name {
		return sys.helper().Run(ctx, args[1:])
	}
	args = args[1:]
	if len(args) == 1 && args[0] == pluginMetadataCommand {
		return printPluginMetadata(sys)
	}
	if own, ok := pluginArguments(args); ok {
		args = own.args
		sys.asPlugin(own.dockerConfig)
	}
	root := newRootCmd(sys)
	root.SetArgs(args)
	return report(sys, root.ExecuteContext(ctx))
}
