//go:build linux

// Command torture kills docker-pat and its credential helper at random instants, has the service fail at
// random, and fills the disk, and looks each time whether a credential was lost, a token left over that nobody
// knows of, or a file broken. It runs the built programs on a real keychain beside an emulated Docker Hub, prints
// what it found, and exits with 1 unless that is nothing.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	var o options
	flag.StringVar(&o.bin, "bin", "bin", "folder of the built programs")
	flag.IntVar(&o.kills, "kills", 1000, "commands to kill")
	flag.IntVar(&o.faults, "faults", 1000, "commands whose service fails")
	flag.IntVar(&o.full, "full", 100, "commands with a full disk")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of the random numbers")
	flag.DurationVar(&o.limit, "limit", 10*time.Minute, "after which it stops, and has failed")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(1)
	}
}

type options struct {
	bin                 string
	kills, faults, full int
	seed                uint64
	limit               time.Duration
}

// machines is how many computers suffer at the same time, each with a keychain and a Docker Hub of its own.
const machines = 2

func run(o options) error {
	ctx, cancel := context.WithTimeout(context.Background(), o.limit)
	defer cancel()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("take in orphans: %w", err)
	}
	fmt.Printf("seed %d\n", o.seed)
	start := time.Now()
	tallies := make([]tally, machines)
	errs := make([]error, machines)
	var all sync.WaitGroup
	for i := range machines {
		share := func(n int) int { return (n + i) / machines }
		all.Go(func() {
			random := rand.New(rand.NewPCG(o.seed, uint64(i)))
			tallies[i], errs[i] = suffer(ctx, o.bin, random, share(o.kills), share(o.faults), share(o.full))
		})
	}
	all.Wait()
	sum := newTally()
	for _, t := range tallies {
		sum.add(t)
	}
	sum.print()
	fmt.Printf("in %v\n", time.Since(start).Round(time.Second))
	return errors.Join(errors.Join(errs...), sum.verdict(o))
}

// suffer has one machine go through it all.
func suffer(ctx context.Context, bin string, random *rand.Rand, kills, faults, full int) (t tally, err error) {
	m, err := newMachine(ctx, bin, random)
	if err != nil {
		return newTally(), err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	if err := m.measure(ctx); err != nil {
		return m.tally, err
	}
	if err := m.everyRequest(ctx); err != nil {
		return m.tally, fmt.Errorf("each request: %w", err)
	}
	for sum(m.tally.killed) < kills {
		if err := m.round(ctx, m.kills()); err != nil {
			return m.tally, fmt.Errorf("kills: %w", err)
		}
	}
	for range faults {
		if err := m.round(ctx, m.serviceFaults()); err != nil {
			return m.tally, fmt.Errorf("faults: %w", err)
		}
	}
	if err := m.fullDisk(ctx, full); err != nil {
		return m.tally, fmt.Errorf("full disk: %w", err)
	}
	return m.tally, m.rest(ctx)
}
