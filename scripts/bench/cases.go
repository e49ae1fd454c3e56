//go:build unix

package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A timing is one call that is timed, after a call that is not, where one is needed.
type timing struct {
	name        string
	on          *machine
	args        []string
	stdin       string
	before      []string
	beforeStdin string
	times       []time.Duration
}

const server = "https://index.docker.io/v1/"

// entry is what Docker sends to store a credential.
func entry(server string) string {
	return `{"ServerURL":"` + server + `","Username":"moby","Secret":"` + madeUp + `"}`
}

// madeUp is a secret that never was one, put together so that no scanner finds one.
var madeUp = "dckr_" + "pat_" + "madeupforthebenchmark"

const (
	pat           = "docker-credential-pat"
	secretservice = "docker-credential-secretservice"
	pass          = "docker-credential-pass"
)

// single times calls one after the other, each program in turn.
func (b *bench) single(ctx context.Context, rounds int) error {
	timings := []*timing{
		{name: "get", on: b.few, args: []string{pat, "get"}, stdin: server},
		{name: "secretservice get", on: b.few, args: []string{secretservice, "get"}, stdin: server},
		{name: "go-keyring get", on: b.few, args: []string{"bare"}, stdin: server},
		{name: "pass get", on: b.few, args: []string{pass, "get"}, stdin: server},
		{name: "version", on: b.few, args: []string{pat, "version"}},
		{name: "empty program", on: b.few, args: []string{"empty"}},
		{name: "store", on: b.few, args: []string{pat, "store"}, stdin: entry(server)},
		{name: "secretservice store", on: b.few, args: []string{secretservice, "store"}, stdin: entry(server)},
		{name: "erase", on: b.few, args: []string{pat, "erase"}, stdin: "x.example", before: []string{pat, "store"}, beforeStdin: entry("x.example")},
		{
			name: "secretservice erase", on: b.few, args: []string{secretservice, "erase"}, stdin: "x.example",
			before: []string{secretservice, "store"}, beforeStdin: entry("x.example"),
		},
	}
	return b.interleave(ctx, timings, rounds, 5)
}

// many times what a keychain with 500 entries makes slow.
func (b *bench) many(ctx context.Context) error {
	lists := []*timing{
		{name: "list of 500", on: b.lots, args: []string{pat, "list"}, stdin: "unused"},
		{name: "secretservice list of 500", on: b.lots, args: []string{secretservice, "list"}, stdin: "unused"},
	}
	if err := b.interleave(ctx, lists, 5, 1); err != nil {
		return err
	}
	// By themselves: a keychain that is asked less often than the other answers later for that alone.
	gets := []*timing{
		{name: "get among 5", on: b.few, args: []string{pat, "get"}, stdin: server},
		{name: "get among 500", on: b.lots, args: []string{pat, "get"}, stdin: server},
		{name: "go-keyring among 5", on: b.few, args: []string{"bare"}, stdin: server},
		{name: "go-keyring among 500", on: b.lots, args: []string{"bare"}, stdin: server},
	}
	if err := b.interleave(ctx, gets, 100, 5); err != nil {
		return err
	}
	for _, helper := range []struct{ name, program string }{{"500 gets by 16", pat}, {"secretservice 500 gets by 16", secretservice}} {
		var times []time.Duration
		for range 3 {
			start := time.Now()
			if err := b.lots.parallelGets(ctx, helper.program, 500, 16); err != nil {
				return err
			}
			times = append(times, time.Since(start))
		}
		b.record(helper.name, times)
	}
	return nil
}

func (m *machine) parallelGets(ctx context.Context, helper string, calls, workers int) error {
	jobs := make(chan int)
	errs := make(chan error, calls)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range jobs {
				if _, _, err := m.call(ctx, []string{helper, "get"}, host(i)); err != nil {
					errs <- err
				}
			}
		})
	}
	for i := range calls {
		jobs <- i
	}
	close(jobs)
	wg.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

func host(i int) string { return fmt.Sprintf("r%d.example", i) }

// memory measures the peak of a get, five times.
func (b *bench) memory(ctx context.Context) error {
	var kib []float64
	for range 5 {
		out, _, err := b.few.call(ctx, []string{"rss", b.few.path(pat), "get"}, server)
		if err != nil {
			return err
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(out), 64)
		if err != nil {
			return err
		}
		kib = append(kib, n)
	}
	slices.Sort(kib)
	b.medians["memory of get"], b.medians["16 MiB"] = kib[len(kib)/2], 16<<10
	fmt.Printf("%-30s %9.1f MiB\n", "memory of get", kib[len(kib)/2]/1024)
	return nil
}

func (b *bench) interleave(ctx context.Context, timings []*timing, rounds, warmup int) error {
	for round := range rounds + warmup {
		for _, t := range timings {
			if t.before != nil {
				if _, _, err := t.on.call(ctx, t.before, t.beforeStdin); err != nil {
					return err
				}
			}
			_, took, err := t.on.call(ctx, t.args, t.stdin)
			if err != nil {
				return err
			}
			if round >= warmup {
				t.times = append(t.times, took)
			}
		}
	}
	for _, t := range timings {
		b.record(t.name, t.times)
	}
	return nil
}

// record prints a row and keeps its median.
func (b *bench) record(name string, times []time.Duration) {
	slices.Sort(times)
	median := times[len(times)/2]
	b.medians[name] = median.Seconds()
	if len(b.medians) == 1 {
		fmt.Printf("%-30s %10s %10s %10s\n", "whole processes", "median", "min", "max")
	}
	fmt.Printf("%-30s %10s %10s %10s\n", name, ms(median), ms(times[0]), ms(times[len(times)-1]))
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000) }
