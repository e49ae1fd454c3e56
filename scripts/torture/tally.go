//go:build linux

package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A tally is what was done and what was found.
type tally struct {
	killed, ended   map[string]int // by command: in the middle, and because it was quicker
	steps           int            // kills at each request in turn
	faults, full    int
	lost, orphans   int // credentials, tokens
	corrupt, twice  int // files, tokens that one operation made
	stuck           int // operations that the journal had at the end
	findings        []string
	passwordsStored int
}

func newTally() tally { return tally{killed: map[string]int{}, ended: map[string]int{}} }

func (t *tally) add(other tally) {
	for name, n := range other.killed {
		t.killed[name] += n
	}
	for name, n := range other.ended {
		t.ended[name] += n
	}
	t.steps += other.steps
	t.faults += other.faults
	t.full += other.full
	t.lost += other.lost
	t.orphans += other.orphans
	t.corrupt += other.corrupt
	t.twice += other.twice
	t.stuck += other.stuck
	t.passwordsStored += other.passwordsStored
	t.findings = append(t.findings, other.findings...)
}

func (t *tally) found(counter *int, format string, args ...any) {
	*counter++
	t.findings = append(t.findings, fmt.Sprintf(format, args...))
}

func sum(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

func (t *tally) print() {
	fmt.Printf("%-10s %10s %14s\n", "command", "killed", "ended before")
	names := maps.Clone(t.killed)
	maps.Copy(names, t.ended)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		fmt.Printf("%-10s %10d %14d\n", name, t.killed[name], t.ended[name])
	}
	fmt.Printf("%-10s %10d %14d\n\n", "all", sum(t.killed), sum(t.ended))
	for _, line := range []struct {
		what string
		n    int
	}{
		{"kills at each request in turn", t.steps},
		{"commands whose service failed", t.faults},
		{"commands with a full disk", t.full},
		{"lost credentials", t.lost},
		{"orphans after recovery", t.orphans},
		{"tokens made twice", t.twice},
		{"passwords stored", t.passwordsStored},
		{"corrupt files", t.corrupt},
		{"operations that did not come to rest", t.stuck},
	} {
		fmt.Printf("%-38s %6d\n", line.what, line.n)
	}
	for _, finding := range t.findings {
		fmt.Println("-", finding)
	}
}

// verdict fails as well when less was done than asked for.
func (t *tally) verdict(o options) error {
	var errs []error
	if n := len(t.findings); n > 0 {
		errs = append(errs, fmt.Errorf("%d findings", n))
	}
	if n := sum(t.killed); n < o.kills {
		errs = append(errs, fmt.Errorf("%d commands were killed, %d were to be", n, o.kills))
	}
	if t.steps == 0 {
		errs = append(errs, errors.New("no request was waited for"))
	}
	if t.faults < o.faults || t.full < o.full {
		errs = append(errs, errors.New("not all faults were tried"))
	}
	return errors.Join(errs...)
}
