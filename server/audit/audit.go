// Package audit keeps the access log of a server: who signed in, who was turned
// away, whose personal fields were shown to whom, and which account changed. An
// entry is on the disk before what it speaks of is shown. Entries are chained by
// hashes, the end of the chain is signed now and then, and no entry holds
// anything about a person but identifiers.
package audit

import (
	"context"
	"regexp"

	"github.com/google/uuid"

	"thonsync/syncproto"
)

// Action is what happened.
type Action string

// The actions.
const (
	View          Action = "view"           // personal fields of a record, or of Count records, were shown
	Export        Action = "export"         // personal fields left in a file
	Answer        Action = "answer"         // a citizen's request was answered with personal fields
	Foreign       Action = "foreign-id"     // somebody asked for what lies outside his scope, or is not there
	SignIn        Action = "sign-in"        // somebody signed in
	SignInFailed  Action = "sign-in-failed" // wrong name, password or code
	SignInHeld    Action = "sign-in-held"   // not looked at: too many failures before
	SignOut       Action = "sign-out"
	LinkMade      Action = "link-made" // one-time link to set a password
	LinkUsed      Action = "link-used"
	Added         Action = "account-added"
	Disabled      Action = "account-disabled"
	Enabled       Action = "account-enabled"
	Reset         Action = "account-reset" // password and second factor taken away
	RoleChanged   Action = "role-changed"
	Password      Action = "password-changed"
	FactorOn      Action = "second-factor-on"
	FactorOff     Action = "second-factor-off"
	RecoveryMade  Action = "recovery-codes-made" // new ones; the old ones count no more
	Recovery      Action = "recovery-code-used"
	Sessions      Action = "sessions-ended" // of one account, everywhere
	KeyReplaced   Action = "key-replaced"   // a key of this server
	KeyDestroyed  Action = "key-destroyed"  // Count old sealing keys; Result says why it was forced
	CodeMade      Action = "code-made"      // a joining code for a team's phone
	CodeConfirmed Action = "code-confirmed" // the digits agreed, as somebody says
	CodeRefused   Action = "code-refused"   // they did not
	PINReset      Action = "pin-reset"      // a phone's challenge for a forgotten PIN was answered
	LogRead       Action = "log-read"       // the access log itself was read

	DeviceRevoked  Action = "device-revoked"
	DeviceBlocked  Action = "device-blocked" // by a point, which asks the centre to revoke it
	DeviceReleased Action = "device-released"

	FindingChanged   Action = "finding-changed"  // Result says how: dismissed, undone
	QuestionChanged  Action = "question-changed" // Result says how: explained, still-open, undone
	TokenMade        Action = "token-made"
	TokenRevoked     Action = "token-revoked"
	WebhookChanged   Action = "webhook-changed"   // Result says how: made, paused, resumed, deleted
	ConflictSettled  Action = "conflict-settled"  // a contested field, or Count of them alike
	ConflictReopened Action = "conflict-reopened" // a settling was undone
	TeamAsked        Action = "team-asked"        // a question about a record went down to its team

	WorkingSet      Action = "working-set"       // Object says what: criteria, targets or trainings
	PairDecided     Action = "pair-decided"      // whether two records say the same person; Result says what was decided
	Reorganised     Action = "units-reorganised" // Result says how: apply, place (Count things), undo
	RegisterChanged Action = "register-changed"  // Result says how: import, undo, remove
)

// Actors that are neither an account nor a device.
const (
	Console = "console"   // a command on the server's own machine
	Token   = "api-token" // a program that holds the API token
	Nobody  = "nobody"    // not signed in
)

// Results of an event.
const (
	Allowed = "allowed"
	Refused = "refused"
)

// Event is one thing to be written down. All texts are identifiers: an
// account's or a device's UUID, a record's UUID, a route, a unit, the name of a
// report. Names, numbers of persons and telephones are refused.
type Event struct {
	Actor   string `json:"actor"`
	Action  Action `json:"action"`
	Object  string `json:"object,omitempty"`
	Unit    string `json:"unit,omitempty"`
	Result  string `json:"result,omitempty"`
	From    string `json:"from,omitempty"`  // tag of a network address, never the address
	Count   int    `json:"count,omitempty"` // records shown, or events that this one stands for
	Request string `json:"request,omitempty"`
}

// Writer takes events. *Log implements it; both methods are safe for concurrent
// use.
type Writer interface {
	// Write writes an event durably before it returns. If it fails, what the
	// event speaks of must not be shown.
	Write(ctx context.Context, e Event) error
	// Note is Write for what a stranger can cause as often as he likes, such as
	// asking for foreign ids: of many alike only the first of a minute are
	// written one by one, the others as a number.
	Note(ctx context.Context, e Event) error
}

var (
	plain = regexp.MustCompile(`^[A-Za-z0-9/][A-Za-z0-9 :._/{}=,-]{0,159}$`)
	// digits are how identity numbers (9 or 12) and telephones (10) look; unit
	// codes have 5 at most.
	digits = regexp.MustCompile(`[0-9]{8,}`)
	uuids  = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
)

// check refuses events that could hold something about a person.
func (e *Event) check() error {
	if e.Actor == "" || e.Action == "" {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "an access log entry needs an actor and an action")
	}
	for _, s := range []string{e.Actor, string(e.Action), e.Object, e.Unit, e.Result, e.From, e.Request} {
		if s == "" {
			continue
		}
		if !plain.MatchString(s) || digits.MatchString(uuids.ReplaceAllString(s, "")) && s != e.From && s != e.Request {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "an access log entry of action %q holds text that is no identifier: it was not written", e.Action)
		}
	}
	return nil
}

// Actor gives the name of an account or a device in the log.
func Actor(id uuid.UUID) string { return id.String() }
