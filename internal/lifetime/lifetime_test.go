package lifetime_test

import (
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/lifetime"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"0": 0, "0d": 0, "12h": 12 * time.Hour, "30d": 720 * time.Hour, "6W": 1008 * time.Hour, "1y": 8760 * time.Hour, "100y": 876000 * time.Hour,
	} {
		if got, err := lifetime.Parse(text); err != nil || got != want {
			t.Errorf("Parse(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "30", "-1d", "1.5d", "30 d", "101y", "9999999999999999999h", "5m", "never"} {
		if got, err := lifetime.Parse(text); err == nil || got != 0 {
			t.Errorf("Parse(%q) = %v, want an error", text, got)
		}
	}
}
