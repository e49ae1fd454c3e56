// Command bench times docker-credential-pat beside other credential helpers, in one interleaved run
// against one gnome-keyring, and prints medians and ratios. It exits with 1 when a ratio is over its
// mark, so that a slower helper is noticed.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/zalando/go-keyring"

	"github.com/docker-pat/docker-pat/internal/testbed"
)

func main() {
	rounds := flag.Int("rounds", 60, "timed calls of each program, after 5 that do not count")
	flag.Parse()
	if err := run(context.Background(), *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A program is one call that is timed.
type program struct {
	name, stdin string
	args        []string
	times       []time.Duration
}

// A comparison is a ratio of medians and the mark that it must not exceed; 0 for no mark.
type comparison struct {
	ours, peer string
	mark       float64
}

const (
	server = "https://index.docker.io/v1/"
	entry  = `{"ServerURL":"` + server + `","Username":"moby","Secret":"` + "dckr_" + "pat_" + `madeupforthebenchmark"}`
)

func run(ctx context.Context, rounds int) error {
	dir, err := os.MkdirTemp("", "dpb")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := build(ctx, dir); err != nil {
		return err
	}
	k, err := testbed.StartKeyring(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = k.Stop() }()
	for _, kv := range append(k.Env(), "HOME="+dir, "DOCKER_PAT_REGISTRY=") {
		name, value, _ := strings.Cut(kv, "=")
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	if err := fill(ctx, dir); err != nil {
		return err
	}
	programs := []*program{
		{name: "pat get", stdin: server, args: []string{"docker-credential-pat", "get"}},
		{name: "secretservice get", stdin: server, args: []string{"docker-credential-secretservice", "get"}},
		{name: "go-keyring get", stdin: server, args: []string{"bare"}},
		{name: "pat version", args: []string{"docker-credential-pat", "version"}},
		{name: "empty program", args: []string{"empty"}},
	}
	if err := timeAll(ctx, dir, programs, rounds); err != nil {
		return err
	}
	return compare(programs, []comparison{
		{"pat get", "secretservice get", 0.5},
		{"pat get", "go-keyring get", 0},
		{"pat version", "empty program", 0},
	})
}

// build makes all programs with the flags of a release, the peers from their released modules.
func build(ctx context.Context, dir string) error {
	for _, target := range []struct{ program, pkg, cgo string }{
		{"docker-credential-pat", "./cmd/docker-credential-pat", "0"},
		{"docker-credential-secretservice", "github.com/docker/docker-credential-helpers/secretservice/cmd", "1"}, // it is made of libsecret
		{"bare", "./scripts/bench/peers/bare", "0"},
		{"empty", "./scripts/bench/peers/empty", "0"},
	} {
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, target.program), target.pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED="+target.cgo)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", target.pkg, err, out)
		}
	}
	return nil
}

// fill stores the entry that is asked for, and four more, with each helper.
func fill(ctx context.Context, dir string) error {
	for _, name := range []string{"docker-credential-pat", "docker-credential-secretservice"} {
		for _, other := range []string{server, "a.example", "b.example", "c.example", "d.example"} {
			if _, err := call(ctx, dir, []string{name, "store"}, strings.Replace(entry, server, other, 1)); err != nil {
				return err
			}
		}
	}
	return keyring.Set("bare", server, "dckr_"+"pat_"+"madeupforthebenchmark")
}

func timeAll(ctx context.Context, dir string, programs []*program, rounds int) error {
	const warmup = 5
	for round := range rounds + warmup {
		for _, p := range programs {
			took, err := call(ctx, dir, p.args, p.stdin)
			if err != nil {
				return err
			}
			if round >= warmup {
				p.times = append(p.times, took)
			}
		}
	}
	return nil
}

func call(ctx context.Context, dir string, args []string, stdin string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(dir, args[0]), args[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	err := cmd.Run()
	took := time.Since(start)
	if err != nil {
		return 0, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out.String())
	}
	return took, nil
}

func compare(programs []*program, comparisons []comparison) error {
	median := map[string]time.Duration{}
	fmt.Printf("%-20s %10s %10s %10s\n", "whole process", "median", "min", "max")
	for _, p := range programs {
		slices.Sort(p.times)
		median[p.name] = p.times[len(p.times)/2]
		fmt.Printf("%-20s %10s %10s %10s\n", p.name, ms(median[p.name]), ms(p.times[0]), ms(p.times[len(p.times)-1]))
	}
	var missed []error
	for _, c := range comparisons {
		ratio := float64(median[c.ours]) / float64(median[c.peer])
		line := fmt.Sprintf("%s / %s = %.2f", c.ours, c.peer, ratio)
		if c.mark > 0 {
			line += fmt.Sprintf(" (at most %.2f)", c.mark)
			if ratio > c.mark {
				missed = append(missed, errors.New(line))
			}
		}
		fmt.Println(line)
	}
	return errors.Join(missed...)
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000) }
