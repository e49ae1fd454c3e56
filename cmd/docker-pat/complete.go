package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/internal/regularfile"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/tokens"
)

// completeTokens offers the tokens that are known on this machine, for up to most arguments; 0 means any number.
// It asks neither Docker Hub nor the keychain.
func completeTokens(sys *system, most int) cobra.CompletionFunc {
	return completeNames(most, sys.knownNames)
}

// completeHeld offers the tokens that this machine holds, for any number of arguments, and asks as little.
func completeHeld(sys *system) cobra.CompletionFunc { return completeNames(0, sys.heldNames) }

func completeNames(most int, names func(context.Context) []nameView) cobra.CompletionFunc {
	return func(cmd *cobra.Command, given []string, start string) ([]string, cobra.ShellCompDirective) {
		if most > 0 && len(given) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		known := names(cmd.Context())
		labelled := map[string]int{}
		for _, n := range known {
			labelled[n.Label]++
		}
		var offers []string
		for _, n := range known {
			if slices.Contains(given, n.ID) || slices.Contains(given, n.Label) {
				continue
			}
			name := argument(&secretstore.Token{ID: n.ID, Label: n.Label})
			if labelled[n.Label] > 1 || start != "" && strings.HasPrefix(n.ID, start) {
				name = printable(n.ID)
			}
			about := n.Label
			if name == n.Label {
				about = n.ID
			}
			offers = append(offers, cobra.CompletionWithDesc(name, printable(about)))
		}
		return offers, cobra.ShellCompDirectiveNoFileComp
	}
}

// knownNames are those of the last list and of what this machine holds, by label.
func (sys *system) knownNames(ctx context.Context) []nameView {
	s, err := sys.settings()
	if err != nil {
		return nil
	}
	var names []nameView
	if data, err := regularfile.Read(ctx, namesPath(s), maxNames); err == nil {
		names = readNames(data)
	}
	for _, held := range sys.heldNames(ctx) {
		if !slices.ContainsFunc(names, func(n nameView) bool { return n.ID == held.ID }) {
			names = append(names, held)
		}
	}
	sortNames(names)
	return names
}

// heldNames are those of the tokens that this machine holds, by label.
func (sys *system) heldNames(ctx context.Context) []nameView {
	s, err := sys.settings()
	if err != nil {
		return nil
	}
	entries, err := sys.store(s).Indexed(ctx)
	if err != nil {
		return nil
	}
	var names []nameView
	for _, h := range heldAmong(entries, s.HubURL, sys.org) {
		if held := (nameView{h.entry.Token.ID, h.entry.Token.Label}); !slices.Contains(names, held) {
			names = append(names, held)
		}
	}
	sortNames(names)
	return names
}

func sortNames(names []nameView) {
	slices.SortFunc(names, func(a, b nameView) int { return strings.Compare(a.Label+a.ID, b.Label+b.ID) })
}

// completeFlag offers words for a flag. A flag that the command does not have would be a mistake in the program.
func completeFlag(cmd *cobra.Command, flag string, words ...string) {
	cobra.CheckErr(cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveKeepOrder)))
}

func completeScope(cmd *cobra.Command) {
	var words []string
	for _, s := range tokens.Scopes() {
		words = append(words, cobra.CompletionWithDesc(s.Name, s.Allows))
	}
	completeFlag(cmd, "scope", words...)
}

func completeExpires(cmd *cobra.Command) {
	completeFlag(cmd, "expires", "30d", "60d", "90d", "1y", "never")
}

// completeFilter offers the names of filters, and after the "=" what can follow.
func completeFilter(cmd *cobra.Command) {
	cobra.CheckErr(cmd.RegisterFlagCompletionFunc("filter", func(_ *cobra.Command, _ []string, start string) ([]string, cobra.ShellCompDirective) {
		var words []string
		if key, _, ok := strings.Cut(start, "="); ok {
			for _, value := range tokens.FilterValues(key) {
				words = append(words, key+"="+value)
			}
			return words, cobra.ShellCompDirectiveNoFileComp
		}
		for _, key := range tokens.FilterKeys() {
			words = append(words, key+"=")
		}
		return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}))
}
