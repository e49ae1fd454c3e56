package tokens_test

import (
	"strings"
	"testing"

	"github.com/docker-pat/docker-pat/tokens"
)

func TestPrune(t *testing.T) {
	t.Parallel()
	for want, rule := range map[string]tokens.PruneRule{
		"":                                   {},
		"ended(expired)":                     {Expired: true},
		"forgotten(inactive)":                {Inactive: true},
		"desktop(auto-generated)":            {Auto: true},
		"forgotten(unused) ended(unused)":    {Unused: 90 * day},
		"forgotten(unused)":                  {Unused: 200 * day},
		"forgotten(inactive) ended(expired)": {Expired: true, Inactive: true},
		"forgotten(inactive,unused) ended(expired,unused) desktop(auto-generated)": {Expired: true, Inactive: true, Auto: true, Unused: 90 * day},
	} {
		var got []string
		for _, p := range tokens.Prune(shelf(), tokens.Held{"idle"}, rule, now) {
			got = append(got, p.Token.ID+"("+strings.Join(p.Reasons, ",")+")")
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%+v chooses %v, want %q", rule, got, want)
		}
	}
	everything := tokens.PruneRule{Expired: true, Inactive: true, Auto: true, Unused: 1}
	held := tokens.Held{}
	for _, token := range shelf() {
		held = append(held, token.ID)
	}
	if got := tokens.Prune(shelf(), held, everything, now); got != nil {
		t.Errorf("what is held would go: %v", got)
	}
}
