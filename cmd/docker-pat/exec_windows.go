package main

import (
	"os"
	"os/exec"
	"os/signal"
)

// runWithSignals outlives the command: a Ctrl-C in the console reaches both, and only the command ends by it.
func runWithSignals(cmd *exec.Cmd, _ bool) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	defer signal.Stop(signals)
	return cmd.Run()
}

func codeOf(state *os.ProcessState) int { return state.ExitCode() }
