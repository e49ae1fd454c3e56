//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// fullDisk gives the state folder a small disk of its own, which is full during the deeds.
func (m *machine) fullDisk(ctx context.Context, n int) (err error) {
	if n == 0 {
		return nil
	}
	before := m.stateDir() + ".before"
	if err := os.Rename(m.stateDir(), before); err != nil {
		return err
	}
	if err := os.Mkdir(m.stateDir(), 0o700); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", m.stateDir(), "tmpfs", 0, "size=4m,mode=0700"); err != nil {
		return fmt.Errorf("a small disk takes root's rights: %w", err)
	}
	defer func() { err = errors.Join(err, m.backFromDisk(before)) }()
	if err := os.CopyFS(m.stateDir(), os.DirFS(before)); err != nil {
		return err
	}
	ballast := filepath.Join(m.stateDir(), "ballast")
	strike := blow{before: func() error { return m.fill(ballast) }, during: func(_ deed, r *running) error {
		m.tally.full++
		err := r.wait()
		_ = os.Remove(ballast) // the first of two has done it
		return err
	}}
	for range n {
		if err := m.round(ctx, strike); err != nil {
			return err
		}
	}
	return nil
}

// fill leaves a random few of the last blocks.
func (m *machine) fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	block := make([]byte, 4096)
	for {
		if _, err := f.Write(block); err != nil {
			break
		}
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	spare := int64(m.random.IntN(4)) * int64(len(block))
	return errors.Join(f.Truncate(max(0, info.Size()-spare)), f.Close())
}

func (m *machine) backFromDisk(before string) error {
	copyErr := os.RemoveAll(before)
	if copyErr == nil {
		copyErr = os.CopyFS(before, os.DirFS(m.stateDir()))
	}
	if err := syscall.Unmount(m.stateDir(), 0); err != nil {
		return errors.Join(copyErr, err)
	}
	return errors.Join(copyErr, os.Remove(m.stateDir()), os.Rename(before, m.stateDir()))
}
