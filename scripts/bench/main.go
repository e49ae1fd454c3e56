//go:build unix

// Command bench times docker-credential-pat beside other credential helpers, in interleaved runs against
// the same keychain, and prints medians and ratios. It exits with 1 when a ratio is over its mark, so that
// a slower helper is noticed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	rounds := flag.Int("rounds", 40, "timed calls of each program, after 5 that do not count")
	slack := flag.Float64("slack", 1, "factor by which each mark may be exceeded, for a busy machine")
	flag.Parse()
	if err := run(context.Background(), *rounds, *slack); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds int, slack float64) (err error) {
	b, err := newBench(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.single(ctx, rounds); err != nil {
		return err
	}
	if err := b.many(ctx); err != nil {
		return err
	}
	if err := b.memory(ctx); err != nil {
		return err
	}
	if err := b.list(ctx); err != nil {
		return err
	}
	return b.report(slack)
}

// report prints each ratio beside the mark that it must not exceed.
func (b *bench) report(slack float64) error {
	var missed []error
	fmt.Println()
	for _, c := range []struct {
		ours, peer string
		mark       float64
	}{
		{"get", "secretservice get", 0.40},
		{"get", "go-keyring get", 0.85},
		{"get", "pass get", 0},
		{"version", "empty program", 2.0},
		{"store", "secretservice store", 0.60},
		{"erase", "secretservice erase", 0.60},
		{"list of 500", "secretservice list of 500", 0.02},
		{"500 gets by 16", "secretservice 500 gets by 16", 0.50},
		{"get among 500", "get among 5", 1.40},            // the keychain's own share and noise
		{"go-keyring among 500", "go-keyring among 5", 0}, // what the keychain itself takes longer
		{"get among 500", "go-keyring among 500", 0},
		{"memory of get", "16 MiB", 1},
		{"requests of a list", "10 requests", 1},
		{"list of 1,000 tokens", "5 requests one by one", 1},
		{"memory of that list", "40 MiB", 1},
	} {
		ours, peer := b.medians[c.ours], b.medians[c.peer]
		if ours == 0 || peer == 0 {
			return fmt.Errorf("%s or %s was not measured", c.ours, c.peer)
		}
		line := fmt.Sprintf("%-20s / %-28s = %.3f", c.ours, c.peer, ours/peer)
		if c.mark > 0 {
			line += fmt.Sprintf("  (at most %.2f)", c.mark)
			if ours/peer > c.mark*slack {
				missed = append(missed, errors.New(line))
			}
		}
		fmt.Println(line)
	}
	return errors.Join(missed...)
}
