package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/internal/helper"
)

const rootLong = `Manage Docker Hub access tokens, and let Docker use them in place of a password.

Sign in once, make a token, and tell Docker where to find it:

  docker-pat login
  docker-pat create laptop
  docker-pat setup

The token is kept in the keychain of your system and shown to nobody.`

func newRootCmd(sys *system) *cobra.Command {
	root := &cobra.Command{
		Use:           "docker-pat",
		Short:         "Manage Docker Hub access tokens",
		Long:          rootLong,
		Args:          usage(cobra.NoArgs),
		SilenceErrors: true, // report prints them
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	if sys.plugin {
		root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: sys.name()}
	}
	root.SetIn(sys.In)
	root.SetOut(sys.Out)
	root.SetErr(sys.Err)
	root.SetFlagErrorFunc(usageErrorOf)
	// Cobra would report flags that exclude each other as any other failure.
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return usageErrorOf(cmd, cmd.ValidateFlagGroups()) }
	addGroup(root, "session", "Session:", newLoginCmd(sys), newLogoutCmd(sys), newStatusCmd(sys))
	addGroup(root, "tokens", "Tokens:",
		newCreateCmd(sys), newListCmd(sys), newInspectCmd(sys), newRenameCmd(sys), newActivateCmd(sys), newDeactivateCmd(sys),
		newRotateCmd(sys), newDeleteCmd(sys), newPruneCmd(sys), newAuditCmd(sys), newExecCmd(sys))
	addGroup(root, "docker", "Docker:",
		newSetupCmd(sys), newDoctorCmd(sys), newCredentialsCmd(sys), newProfileCmd(sys), newHelperCmd(sys))
	root.AddCommand(newVersionCmd(sys))
	addOrgFlag(sys, root)
	spell(root, sys.name())
	return root
}

// spell names the program in all help texts as the user called it.
func spell(cmd *cobra.Command, name string) {
	for _, text := range []*string{&cmd.Long, &cmd.Example} {
		*text = strings.ReplaceAll(*text, "docker-pat ", name+" ")
	}
	for _, child := range cmd.Commands() {
		spell(child, name)
	}
}

func addGroup(root *cobra.Command, id, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: id, Title: title})
	for _, cmd := range commands {
		cmd.GroupID = id
		root.AddCommand(cmd)
	}
}

// usage turns a failed check of arguments into a usageError. It wraps every Args: cobra reports wrong
// arguments and unknown commands outside its flag error function.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error { return usageErrorOf(cmd, check(cmd, args)) }
}

func usageErrorOf(cmd *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	_, command, _ := strings.Cut(cmd.CommandPath(), cmd.Root().DisplayName()+" ")
	return usageError{err, command}
}

// newHelperCmd offers the helper under docker-pat's own name, for places where only one can be installed.
func newHelperCmd(sys *system) *cobra.Command {
	return &cobra.Command{
		Use:                "helper ACTION",
		Short:              "Act as the credential helper: store, get, erase, list, version",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] == helper.SettleAction {
				if err := sys.settle(cmd.Context()); err != nil {
					_, _ = fmt.Fprintln(sys.Out, err) // read by the helper that called
					return exitCode(exitFailure)
				}
				return nil
			}
			if code := sys.helper().Run(cmd.Context(), args); code != exitOK {
				return exitCode(code)
			}
			return nil
		},
	}
}
