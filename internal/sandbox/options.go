package sandbox

import "time"

// Options say who has an account, and which of the forms seen in the field the sandbox answers in.
// The zero value of every field is the form that Docker Hub documents today.
type Options struct {
	Users              []User
	Organizations      []Organization
	PublicRepositories []string         // "moby/hello"; library/* is always public, all else private
	Now                func() time.Time // nil: time.Now

	// SessionLifetime is how long the JWT of users/login and 2fa-login lives. 0: 24 hours.
	SessionLifetime time.Duration

	// Of a sign-in on the web, in whole seconds. AccessTokenLifetime is how long its JWT lives. 0: 1 hour,
	// as in the tests of docker/cli. DeviceCodeLifetime is how long it waits for a person. 0: 15 minutes.
	// PollInterval is how long a program has to wait before it asks again. 0: 1 second, where RFC 8628
	// presumes 5: nobody wants to wait here.
	AccessTokenLifetime, DeviceCodeLifetime, PollInterval time.Duration

	// OnUnknownRoute is called for each request that no part of the sandbox answers, from the
	// goroutine that serves it. nil: nothing but the 404.
	OnUnknownRoute func(method, path string)

	Redaction   Redaction   // how a token's secret reads after its creation
	NoExpiry    NoExpiry    // how expires_at reads for a token that has none
	Validation  Validation  // the body of a 400 of the access-token operations
	RateLimit   int         // requests per minute to the Hub API; 0: announced as 180, not enforced
	RetryHeader RetryHeader // how a 429 says when to come back
	LimitBody   LimitBody   // the body of a 429
}

// A User is an account of the sandbox. Name is also the namespace of its repositories.
type User struct {
	Name, Password string
	TOTPSecret     string // base32; empty: no second factor
}

// An Organization owns repositories under its name, and access tokens that are its own. It has no
// password: who signs in with its name does so with one of those.
type Organization struct {
	Name    string
	Owners  []string // names of users, who manage its tokens and do everything with its repositories
	Members []string // names of other users, who may pull, which at Hub takes a team
	Plan    Plan
}

// Plan bounds the tokens of an organization. Inactive and expired ones count until they are deleted.
// Source: Docker documentation, organization access tokens.
type Plan string

// The plans.
const (
	PlanTeam     Plan = ""         // 10 tokens
	PlanBusiness Plan = "business" // 100 tokens
	PlanPersonal Plan = "personal" // none
)

// Redaction is what `token` holds in every reply but the one that creates it.
type Redaction string

// The forms of Redaction.
const (
	RedactStars  Redaction = ""       // "***"
	RedactEmpty  Redaction = "empty"  // ""
	RedactAbsent Redaction = "absent" // no member of that name
)

// NoExpiry is how `expires_at` reads for a token that does not expire.
type NoExpiry string

// The forms of NoExpiry.
const (
	ExpiryNull   NoExpiry = ""       // null
	ExpiryAbsent NoExpiry = "absent" // no member of that name
)

// Validation is the shape of a 400 of the access-token operations.
type Validation string

// The forms of Validation.
const (
	ValidationMessage Validation = ""       // {"message", "detail", "errinfo"}
	ValidationFields  Validation = "fields" // {"fields": {NAME: [TEXT]}, "text"}
)

// RetryHeader is the header of a 429 that says when the next request is welcome.
type RetryHeader string

// The forms of RetryHeader. Each was documented or seen at some time.
const (
	RetrySeconds   RetryHeader = ""            // Retry-After: seconds to wait
	RetryUnixTime  RetryHeader = "unix-time"   // Retry-After: Unix time
	RetryXUnixTime RetryHeader = "x-unix-time" // X-Retry-After: Unix time
)

// LimitBody is the body of a 429.
type LimitBody string

// The forms of LimitBody.
const (
	LimitJSON LimitBody = ""     // {"detail":"Rate limit exceeded","error":false}
	LimitText LimitBody = "text" // plain text, as the abuse limit answers
)

func (o *Options) setDefaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SessionLifetime == 0 {
		o.SessionLifetime = 24 * time.Hour
	}
	if o.AccessTokenLifetime == 0 {
		o.AccessTokenLifetime = time.Hour
	}
	if o.DeviceCodeLifetime == 0 {
		o.DeviceCodeLifetime = 15 * time.Minute
	}
	if o.PollInterval == 0 {
		o.PollInterval = time.Second
	}
	if o.OnUnknownRoute == nil {
		o.OnUnknownRoute = func(string, string) {}
	}
}
