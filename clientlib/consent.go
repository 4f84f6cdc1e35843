package clientlib

import (
	"maps"
	"slices"
	"strconv"

	"thonsync/syncproto"
)

// consentFields are the names of the fields about lawful basis and consent.
var consentFields = map[string]uint32{
	"basis": syncproto.ActivityBasis, "consent": syncproto.ActivityConsent, "consent_how": syncproto.ActivityConsentHow,
	"consent_on": syncproto.ActivityConsentOn, "consent_text": syncproto.ActivityConsentText, "consent_language": syncproto.ActivityConsentLang,
}

func isConsentField(num uint32) bool {
	return slices.Contains(slices.Collect(maps.Values(consentFields)), num)
}

// parseConsent reads the value of a field about lawful basis or consent.
func parseConsent(num uint32, text string) (syncproto.Value, *rule) {
	if text == "" {
		return syncproto.Null(), nil
	}
	switch num {
	case syncproto.ActivityConsentOn:
		d, bad := parseDate(text)
		return syncproto.DateValue(d), bad
	case syncproto.ActivityConsentText:
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n < 0 {
			return syncproto.Null(), &ruleInt
		}
		return syncproto.IntValue(n), nil
	}
	if !slices.Contains(syncproto.ConsentChoices(num), text) {
		return syncproto.Null(), &ruleOption
	}
	return syncproto.TextValue(text), nil
}

// checkConsentField checks a typed value of such a field.
func checkConsentField(f syncproto.Field) *rule {
	coll, _ := syncproto.CollectionOf(syncproto.CollectionActivity)
	def, _ := coll.Field(syncproto.Operational, f.Num)
	switch choices := syncproto.ConsentChoices(f.Num); {
	case f.Value.IsNull():
		return nil
	case f.Value.Type() != def.Type:
		return &ruleValueType
	case choices != nil && !slices.Contains(choices, f.Value.Text()):
		return &ruleOption
	}
	return nil
}

// withConsent checks that a new activity about a citizen has the consent that
// its lawful basis needs before it holds anything personal, and completes the
// consent by its day and by the version of the text. Nothing is ticked
// beforehand: without an answer there is no consent.
func withConsent(kind *syncproto.Kind, own, personal syncproto.Row, occurred syncproto.Date) (syncproto.Row, FieldErrors) {
	switch consent := own.Value(syncproto.ActivityConsent).Text(); {
	case consent == syncproto.ConsentWithdrawn:
		return own, oneError("consent", ruleWithdrawn)
	case consent == syncproto.ConsentGiven && own.Value(syncproto.ActivityConsentHow).IsNull():
		return own, oneError("consent_how", ruleRequired)
	case consent == "" && len(personal) > 0 && kind.Person && syncproto.BasisOf(kind, own) == syncproto.BasisConsent:
		return own, oneError("consent", ruleConsent)
	}
	return datedConsent(kind, own, occurred), nil
}

// datedConsent adds to a consent that is given or withdrawn what goes without
// saying: the day, and the version of the text that the kind names.
func datedConsent(kind *syncproto.Kind, own syncproto.Row, day syncproto.Date) syncproto.Row {
	consent := own.Value(syncproto.ActivityConsent).Text()
	if consent == "" {
		return own
	}
	add := []syncproto.Field{}
	if own.Value(syncproto.ActivityConsentOn).IsNull() {
		add = append(add, syncproto.Field{Num: syncproto.ActivityConsentOn, Value: syncproto.DateValue(day)})
	}
	if consent == syncproto.ConsentGiven && kind.ConsentText > 0 && own.Value(syncproto.ActivityConsentText).IsNull() {
		add = append(add, syncproto.Field{Num: syncproto.ActivityConsentText, Value: syncproto.IntValue(kind.ConsentText)})
	}
	return overlay(own, add)
}
