package syncproto

import "slices"

// Bases are the lawful bases on which personal data of an activity may be
// processed, as values of the field basis and of a kind's definition.
var bases = []string{"consent", "public_task", "legal_duty", "contract", "emergency"}

// BasisConsent is the basis that needs a consent to be recorded.
const BasisConsent = "consent"

// Values of the field consent. A change that sets it is the event: who recorded
// it, when and on which phone stands in the change.
const (
	ConsentGiven     = "given"
	ConsentWithdrawn = "withdrawn"
)

// consentChoices are the values that the fields about lawful basis and consent
// may have. None is free text, so they may be operational: they say how consent
// was given, never by whom.
var consentChoices = map[uint32][]string{
	ActivityBasis:       bases,
	ActivityConsent:     {ConsentGiven, ConsentWithdrawn},
	ActivityConsentHow:  {"spoken", "signed", "thumbprint", "guardian", "portal"},
	ActivityConsentLang: {"vi", "hmn", "tyz", "ium", "nut", "other"}, // ISO 639: Vietnamese, Mông, Tày, Dao, Nùng
}

// ConsentChoices gives the values that a field about lawful basis or consent may
// have, nil for other fields.
func ConsentChoices(num uint32) []string { return slices.Clone(consentChoices[num]) }

// BasisOf gives the lawful basis of an activity: its own, or else its kind's.
func BasisOf(kind *Kind, operational Row) string {
	if own := operational.Value(ActivityBasis).Text(); own != "" || kind == nil {
		return own
	}
	return kind.Basis
}

// DefaultKeepDays is how long personal fields stay on a phone after they are safe
// at the centre, where the kind says nothing else.
const DefaultKeepDays = 30

// KeepDaysOf gives how many days the personal fields of an activity stay on a
// phone after they are safe at the centre; kind may be nil.
func KeepDaysOf(kind *Kind) int {
	if kind == nil || kind.KeepDays == 0 {
		return DefaultKeepDays
	}
	return kind.KeepDays
}

func checkBasis(k *Kind) error {
	switch {
	case k.Basis != "" && !slices.Contains(bases, k.Basis):
		return Errorf(CodeInvalidInput, "kind %s: %q is no lawful basis", k.Code, k.Basis)
	case k.KeepDays < 0 || k.KeepDays > 3650:
		return Errorf(CodeInvalidInput, "kind %s: keep_days is %d, it must be from 1 to 3650", k.Code, k.KeepDays)
	case k.ConsentText < 0:
		return Errorf(CodeInvalidInput, "kind %s: consent_text is negative", k.Code)
	}
	return nil
}

// judgeConsent checks the choices about lawful basis and consent.
func judgeConsent(c *Change) *Finding {
	for num, choices := range consentChoices {
		v, ok := c.Operational.Get(num)
		if !ok || v.IsNull() || slices.Contains(choices, v.Text()) {
			continue
		}
		if needs := needSchema(c); needs != "" {
			return &Finding{ReasonUnknownField, needs}
		}
		return &Finding{Reason: ReasonBadValue}
	}
	return nil
}
