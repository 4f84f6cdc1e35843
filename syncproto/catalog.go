package syncproto

import (
	"strings"
)

// Collection numbers. They are part of the protocol and never reused.
const (
	CollectionUnit     = 1
	CollectionTeam     = 2
	CollectionMember   = 3
	CollectionKind     = 4
	CollectionGuide    = 5
	CollectionDevice   = 6
	CollectionActivity = 7
	CollectionCriteria = 8
	CollectionTarget   = 9
	CollectionTraining = 10
	CollectionQuestion = 11
)

// Schema is the version of the collection definitions below. A change that
// carries a higher number was written by a newer program.
const Schema = 1

// FieldUnit is the home unit of every record in every collection: list:code.
// The creating change fixes it.
const FieldUnit = 1

// Operational fields of units. A unit's home unit is itself.
const (
	UnitList      = 2
	UnitCode      = 3
	UnitLevel     = 4 // province, district, commune or village
	UnitType      = 5 // the official word, such as Xã
	UnitName      = 6
	UnitParent    = 7 // list:code
	UnitValidFrom = 8
	UnitValidTo   = 9

	// Lineage; see package unittree. Shares are lines of an extent and a list:code.
	UnitSuccessors     = 10 // of a unit that a reorganisation ended
	UnitPredecessors   = 11 // of a unit that it made
	UnitFormer         = 12 // list:code of earlier parents, one a line, oldest first
	UnitReorganisation = 13 // UUID of the reorganisation that touched it last
)

// Operational fields of teams, members and devices; ValidFrom and ValidTo as
// for units.
const (
	TeamName = 2

	MemberTeam = 2
	MemberRole = 3

	DeviceTeam     = 2
	DeviceRole     = 3
	DeviceOrigin   = 4
	DeviceIssuer   = 5
	DeviceLabel    = 6
	DeviceReplaces = 7  // origin of the device that this one stands in for
	DeviceAsked    = 10 // why a point asks for its revocation
)

// Operational fields of kinds and guides.
const (
	KindCode       = 2
	KindNameVI     = 3
	KindNameEN     = 4
	KindDefinition = 5 // JSON, see Kind

	GuideCode    = 2
	GuideTitleVI = 3
	GuideTitleEN = 4
	GuideBodyVI  = 5
	GuideBodyEN  = 6
)

// Operational fields of criteria, by which a team is said to work; ValidFrom as
// for units.
const (
	CriteriaID         = 2
	CriteriaVersion    = 3
	CriteriaDefinition = 4 // JSON
)

// Operational fields of targets; ValidFrom and ValidTo are the first and the last
// day of the period that they are set for.
const (
	TargetMeasure = 2 // code of a kind, "activities" for all kinds, or "working"
	TargetValue   = 3 // activities, or percent of teams that work
)

// Operational fields of trainings: one member attended one class.
const (
	TrainingTeam   = 2
	TrainingMember = 3
	TrainingClass  = 4
	TrainingHeld   = 5
)

// Operational fields of activities. A kind's own fields start at FirstKindField
// in both compartments.
const (
	ActivityKind     = 2
	ActivityOccurred = 3 // Date
	ActivityTeam     = 4 // UUID
	ActivityResult   = 5 // choice of the kind

	// Lawful basis and consent; see ConsentChoices.
	ActivityBasis       = 6  // choice, where it is not the kind's
	ActivityConsent     = 7  // given or withdrawn
	ActivityConsentHow  = 8  // choice
	ActivityConsentOn   = 9  // Date
	ActivityConsentText = 10 // version of the text that was read out, see Kind
	ActivityConsentLang = 11 // choice

	FirstKindField = 32
)

// Operational fields of questions; see AskChoices. A question's home unit is that
// of the record that it is about.
const (
	QuestionRecord = 2 // UUID of the record
	QuestionField  = 3 // name of the field, or RetractionField
	QuestionAsks   = 4 // choice
	QuestionAnswer = 5 // choice; the only field that a phone writes
	QuestionState  = 6 // StateSettled once somebody decided; null while it is open
)

// Personal fields of activities and, where they apply, of members.
const (
	PersonIDNumber  = 1
	PersonFullName  = 2
	PersonBirthDate = 3
	PersonSex       = 4 // "male" or "female"
	PersonPhone     = 5
	PersonAddress   = 6
	PersonNote      = 7
)

// Fields of void changes: a choice, and in the personal row the free text.
const (
	VoidReason = 30 // mistake, duplicate, test, other
	VoidNote   = 31
)

// FieldDef describes one common field of a collection.
type FieldDef struct {
	Num         uint32
	Name        string // the one word for it in JSON, CLI and docs
	Type        Type
	Compartment Compartment
}

// Collection describes a collection.
type Collection struct {
	Num    uint32
	Name   string
	Fields []FieldDef
	// CentreOnly tells that only the centre and delegated officers write it.
	CentreOnly bool
}

// Field finds a common field by number and compartment.
func (c *Collection) Field(comp Compartment, num uint32) (FieldDef, bool) {
	for _, f := range c.Fields {
		if f.Num == num && f.Compartment == comp {
			return f, true
		}
	}
	return FieldDef{}, false
}

// FieldByName finds a common field by its word.
func (c *Collection) FieldByName(name string) (FieldDef, bool) {
	for _, f := range c.Fields {
		if f.Name == name {
			return f, true
		}
	}
	return FieldDef{}, false
}

func open(num uint32, name string, t Type) FieldDef     { return FieldDef{num, name, t, Operational} }
func personal(num uint32, name string, t Type) FieldDef { return FieldDef{num, name, t, Personal} }

var personFields = []FieldDef{
	personal(PersonIDNumber, "id_number", TypeText), personal(PersonFullName, "full_name", TypeText),
	personal(PersonBirthDate, "birth_date", TypeDate), personal(PersonSex, "sex", TypeText),
	personal(PersonPhone, "phone", TypeText), personal(PersonAddress, "address", TypeText),
	personal(PersonNote, "note", TypeText),
}

var validity = []FieldDef{open(UnitValidFrom, "valid_from", TypeDate), open(UnitValidTo, "valid_to", TypeDate)}

var catalog = map[uint32]*Collection{}

func define(num uint32, name string, centreOnly bool, groups ...[]FieldDef) {
	c := &Collection{Num: num, Name: name, CentreOnly: centreOnly}
	c.Fields = append(c.Fields, open(FieldUnit, "unit", TypeText))
	for _, g := range groups {
		c.Fields = append(c.Fields, g...)
	}
	c.Fields = append(c.Fields, open(VoidReason, "void_reason", TypeText), personal(VoidNote, "void_note", TypeText))
	catalog[num] = c
}

func init() {
	define(CollectionUnit, "unit", true, []FieldDef{
		open(UnitList, "list", TypeText), open(UnitCode, "code", TypeText), open(UnitLevel, "level", TypeText),
		open(UnitType, "type", TypeText), open(UnitName, "name", TypeText), open(UnitParent, "parent", TypeText),
		open(UnitSuccessors, "successors", TypeText), open(UnitPredecessors, "predecessors", TypeText),
		open(UnitFormer, "former_parents", TypeText), open(UnitReorganisation, "reorganisation", TypeUUID),
	}, validity)
	define(CollectionTeam, "team", true, []FieldDef{open(TeamName, "name", TypeText)}, validity)
	define(CollectionMember, "member", true, []FieldDef{
		open(MemberTeam, "team", TypeUUID), open(MemberRole, "role", TypeText),
	}, validity, personFields)
	define(CollectionKind, "kind", true, []FieldDef{
		open(KindCode, "code", TypeText), open(KindNameVI, "name_vi", TypeText),
		open(KindNameEN, "name_en", TypeText), open(KindDefinition, "definition", TypeText),
	})
	define(CollectionGuide, "guide", true, []FieldDef{
		open(GuideCode, "code", TypeText), open(GuideTitleVI, "title_vi", TypeText), open(GuideTitleEN, "title_en", TypeText),
		open(GuideBodyVI, "body_vi", TypeText), open(GuideBodyEN, "body_en", TypeText),
	})
	define(CollectionDevice, "device", true, []FieldDef{
		open(DeviceTeam, "team", TypeUUID), open(DeviceRole, "role", TypeText), open(DeviceOrigin, "origin", TypeUUID),
		open(DeviceIssuer, "issuer", TypeUUID), open(DeviceLabel, "label", TypeText),
		open(DeviceReplaces, "replaces", TypeUUID), open(DeviceAsked, "asked", TypeText),
	}, validity)
	define(CollectionCriteria, "criteria", true, []FieldDef{
		open(CriteriaID, "id", TypeText), open(CriteriaVersion, "version", TypeInt), open(CriteriaDefinition, "definition", TypeText),
	}, validity[:1])
	define(CollectionTarget, "target", true, []FieldDef{
		open(TargetMeasure, "measure", TypeText), open(TargetValue, "value", TypeInt),
	}, validity)
	define(CollectionTraining, "training", true, []FieldDef{
		open(TrainingTeam, "team", TypeUUID), open(TrainingMember, "member", TypeUUID),
		open(TrainingClass, "class", TypeText), open(TrainingHeld, "held", TypeDate),
	})
	define(CollectionActivity, "activity", false, []FieldDef{
		open(ActivityKind, "kind", TypeText), open(ActivityOccurred, "occurred", TypeDate),
		open(ActivityTeam, "team", TypeUUID), open(ActivityResult, "result", TypeText),
		open(ActivityBasis, "basis", TypeText), open(ActivityConsent, "consent", TypeText), open(ActivityConsentHow, "consent_how", TypeText),
		open(ActivityConsentOn, "consent_on", TypeDate), open(ActivityConsentText, "consent_text", TypeInt),
		open(ActivityConsentLang, "consent_language", TypeText),
	}, personFields)
	define(CollectionQuestion, "question", false, []FieldDef{
		open(QuestionRecord, "record", TypeUUID), open(QuestionField, "field", TypeText), open(QuestionAsks, "asks", TypeText),
		open(QuestionAnswer, "answer", TypeText), open(QuestionState, "state", TypeText),
	})
}

// CollectionOf gives the definition of a collection.
func CollectionOf(num uint32) (*Collection, bool) {
	c, ok := catalog[num]
	return c, ok
}

// UnitKey names a unit: list version and code, joined by a colon. Codes were
// reused by the reform of 2025, so a code alone names nothing.
func UnitKey(list, code string) string { return list + ":" + code }

// SplitUnitKey undoes UnitKey.
func SplitUnitKey(key string) (list, code string, ok bool) {
	list, code, ok = strings.Cut(key, ":")
	return list, code, ok && list != "" && code != ""
}
