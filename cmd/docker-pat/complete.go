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
	return func(cmd *cobra.Command, given []string, start string) ([]string, cobra.ShellCompDirective) {
		if most > 0 && len(given) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		known := sys.knownNames(cmd.Context())
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
	entries, err := sys.store(s).Indexed(ctx)
	if err != nil {
		entries = nil
	}
	for _, e := range entries {
		if e.Token != nil && !slices.ContainsFunc(names, func(n nameView) bool { return n.ID == e.Token.ID }) {
			names = append(names, nameView{e.Token.ID, e.Token.Label})
		}
	}
	slices.SortFunc(names, func(a, b nameView) int { return strings.Compare(a.Label+a.ID, b.Label+b.ID) })
	return names
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
