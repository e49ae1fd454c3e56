package testbed

import (
	"errors"
	"testing"
)

func TestServicesLeaveNothing(t *testing.T) {
	t.Parallel()
	display, err := StartDisplay(t.Context())
	Need(t, err)
	desktop, err := StartDesktop(t.Context(), display)
	Need(t, errors.Join(err, desktop.StartKeyring(t.Context())))
	keepass, err := StartKeePassXC(t.Context())
	Need(t, err)
	wallet, err := StartKWallet(t.Context())
	Need(t, errors.Join(err, wallet.StartLocked(t.Context())))
	for dir, stop := range map[string]func() error{
		desktop.dir: desktop.Stop, keepass.dir: keepass.Stop, wallet.dir: wallet.Stop, display.dir: display.Stop,
	} {
		if len(processesOf(dir)) == 0 {
			t.Errorf("nothing runs in %s", dir)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		if err := awaitNone(dir); err != nil {
			t.Error(err)
		}
		wantNothingOf(t, dir)
	}
}

// What tests of the other packages hold by "it was not started" is worth something.
func TestLauncherTellsThatItWasStarted(t *testing.T) {
	t.Parallel()
	l := LauncherFor(t)
	if l.Started() {
		t.Error("it was started before anybody did that")
	}
	if err := l.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !l.Started() {
		t.Error("it was started, and does not tell")
	}
}
