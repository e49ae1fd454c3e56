//go:build linux

package main

import (
	"context"
	"time"

	"github.com/docker-pat/docker-pat/internal/sandbox"
)

// everyRequest kills each deed at each of its requests in turn: once before the service has done what it was
// asked for, and once after, so that the reply is lost as well.
func (m *machine) everyRequest(ctx context.Context) error {
	for _, d := range m.deeds() {
		for _, cut := range []string{"", sandbox.CutAfter} {
			for nth := 1; nth <= maxRequests; nth++ {
				came := false
				if err := m.roundOf(ctx, []deed{d}, m.killAtRequest(nth, cut, &came)); err != nil {
					return err
				}
				if !came {
					break // it makes no more requests
				}
				m.tally.steps++
			}
		}
	}
	return nil
}

// maxRequests is more than a deed makes by itself: one that ends what those before it have left makes more.
const maxRequests = 12

// killAtRequest waits for the nth request, which hangs, and kills the whole group then.
func (m *machine) killAtRequest(nth int, cut string, came *bool) blow {
	var from int64
	before := func() error {
		if nth > 1 {
			m.hub.Inject(sandbox.Fault{Header: map[string]string{"Not-Yet": "1"}, Times: nth - 1})
		}
		m.hub.Inject(sandbox.Fault{Delay: time.Hour, Cut: cut, Times: 1})
		from = m.requests.Load()
		return nil
	}
	during := func(_ deed, r *running) error {
		for {
			select {
			case err := <-r.done:
				r.done <- err
				return r.wait()
			case <-time.After(time.Millisecond):
			}
			if m.requests.Load()-from >= int64(nth) {
				*came = true
				time.Sleep(deedTime)
				r.kill(true)
				return r.wait()
			}
		}
	}
	return blow{before: before, during: during}
}

// deedTime is for the service to do what it was asked for, after the request has come in.
const deedTime = 10 * time.Millisecond
