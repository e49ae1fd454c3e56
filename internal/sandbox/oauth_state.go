package sandbox

import (
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// A device is a sign-in that waits for a person. All but the codes is guarded by the lock of the sandbox.
type device struct {
	code, userCode string
	expiresAt      time.Time
	interval       time.Duration // between two requests of the program that waits
	polledAt       time.Time     // zero: not yet
	decided        Decision
	owner          *account // of an approved one
	spent          bool     // its tokens were handed out
}

// A grant is what an approved sign-in has given: a session that goes on by refresh tokens, each of which
// serves once. It is reached by every one of them.
type grant struct {
	owner     *account
	sessionID string
	refresh   string // the one that serves next
	ended     bool
}

// userLetters has no vowels, so that no words come about. Source: RFC 8628, section 6.1.
const userLetters = "BCDFGHJKLMNPQRSTVWXZ"

func (s *Sandbox) newDevice() *device {
	d := &device{
		code: randomText(), userCode: newUserCode(),
		expiresAt: s.now().Add(s.opts.DeviceCodeLifetime), interval: s.opts.PollInterval,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.devices = slices.DeleteFunc(s.devices, func(old *device) bool { return s.now().Sub(old.expiresAt) > time.Hour })
	s.devices = append(s.devices, d)
	return d
}

// redeem gives out the tokens of an approved device code, once.
func (s *Sandbox) redeem(code string) (*grant, *oauthError) {
	if code == "" {
		return nil, errBadRequest
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for _, d := range s.devices {
		if d.code != code {
			continue
		}
		early := !d.polledAt.IsZero() && now.Sub(d.polledAt) < d.interval/2 // half of it is left to clocks and networks
		d.polledAt = now
		switch {
		case d.spent:
			return nil, errBadCode
		case d.decided == Expire || !now.Before(d.expiresAt):
			return nil, errCodeExpired
		case d.decided == Deny:
			return nil, errDenied
		case early:
			d.interval += 5 * time.Second // RFC 8628, section 3.5
			return nil, errSlowDown
		case d.decided != Approve:
			return nil, errPending
		}
		d.spent = true
		g := &grant{owner: d.owner, sessionID: uuid.NewString(), refresh: randomText()}
		s.grants[g.refresh] = g
		return g, nil
	}
	return nil, errBadCode
}

// rotate takes a refresh token and puts the next one in its place. One that has served is a sign of theft:
// it ends the session. Source: auth0.com/docs, refresh token rotation.
func (s *Sandbox) rotate(refresh string) (*grant, *oauthError) {
	if refresh == "" {
		return nil, errBadRequest
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.grants[refresh]
	if g == nil || g.ended || g.refresh != refresh {
		if g != nil {
			g.ended = true
		}
		return nil, errBadRefresh
	}
	g.refresh = randomText()
	s.grants[g.refresh] = g
	copied := *g // another request may rotate it before the reply is written
	return &copied, nil
}

// findDevice returns what waits under a user code as a person may type it. The lock of the sandbox is held.
func (s *Sandbox) findDevice(userCode string) *device {
	now := s.now()
	for _, d := range s.devices {
		if plainCode(d.userCode) == plainCode(userCode) && d.pending(now) {
			return d
		}
	}
	return nil
}

func (d *device) pending(now time.Time) bool { return d.decided == "" && now.Before(d.expiresAt) }

// plainCode drops what a person adds to a code or leaves out. Source: RFC 8628, section 6.1.
func plainCode(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(userLetters, r) {
			return r
		}
		return -1
	}, strings.ToUpper(text))
}

func newUserCode() string {
	random := make([]byte, 8)
	_, _ = rand.Read(random) // it never fails
	for i, b := range random {
		random[i] = userLetters[int(b)%len(userLetters)]
	}
	return string(random[:4]) + "-" + string(random[4:])
}

// randomText is a secret that nobody can guess.
func randomText() string {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // it never fails
	return base64.RawURLEncoding.EncodeToString(random)
}
