package province

// The numbers in this file are guesses at what a province's teams do, led by the
// few published counts (cards, level-2 dossiers and activations of one district).
// They shape synthetic data only; nothing decides anything by them.

var kindWeights = map[string]int{
	"TT": 120, "HN": 50, "CC": 150, "DD1": 60, "DD2": 110, "KH": 190, "CD": 70,
	"DVC": 60, "TTKTM": 50, "TMDT": 12, "ATTT": 45, "YTGD": 25, "TC": 33, "RS": 45,
}

// idPresence is how many of 100 activities of a kind about a person who has an
// identity number record it.
var idPresence = map[string]int{
	"CC": 88, "DD1": 90, "DD2": 95, "KH": 95, "CD": 50, "DVC": 85, "TTKTM": 60,
	"TMDT": 35, "TC": 45, "RS": 70,
}

// optionWeights weigh the values of "KIND.field" or of every field of that name.
// Values without a weight have 10.
var optionWeights = map[string]map[string]int{
	"TT.result":     {"held": 86, "few_came": 10, "cancelled": 4},
	"HN.result":     {"held": 84, "few_came": 13, "cancelled": 3},
	"ATTT.result":   {"held": 90, "few_came": 8, "cancelled": 2},
	"CC.result":     {"done": 78, "come_again": 15, "refused": 3, "not_eligible": 4},
	"DD1.result":    {"done": 66, "no_signal": 15, "device_unfit": 9, "wrong_data": 6, "refused": 4},
	"DD2.result":    {"done": 52, "come_again": 12, "waiting": 28, "rejected": 5, "refused": 3},
	"KH.result":     {"done": 58, "no_signal": 17, "no_otp": 10, "forgot_password": 6, "device_unfit": 5, "wrong_data": 4},
	"CD.result":     {"done": 74, "no_signal": 10, "no_space": 7, "device_unfit": 6, "refused": 3},
	"DVC.result":    {"done": 68, "partly": 14, "portal_error": 7, "no_signal": 6, "not_done": 5},
	"TTKTM.result":  {"done": 76, "partly": 12, "not_done": 7, "refused": 5},
	"TMDT.result":   {"done": 55, "partly": 35, "not_done": 10},
	"YTGD.result":   {"done": 82, "partly": 13, "not_done": 5},
	"TC.result":     {"open": 42, "solved": 26, "passed_on": 25, "no_remedy": 7},
	"RS.result":     {"done": 84, "absent": 13, "refused": 3},
	"CC.stage":      {"review": 24, "booked": 20, "brought": 16, "enrolled": 24, "card_received": 16},
	"DD1.stage":     {"explained": 22, "submitted": 33, "created": 45},
	"DD2.stage":     {"booked": 26, "submitted": 48, "approved": 26},
	"CC.reason":     {"first": 34, "renewal": 46, "reissue": 20},
	"TT.topic":      {"id_card": 20, "e_identity": 30, "public_service": 14, "safety": 12, "cashless": 7, "e_commerce": 3, "health_school": 5, "disaster": 5, "other": 4},
	"method":        {"loudspeaker": 16, "meeting": 38, "home_visit": 26, "zalo": 8, "market": 12},
	"place_type":    {"village_house": 45, "home": 22, "market": 14, "school": 6, "office": 9, "field": 4},
	"language":      {"vi": 46, "mong": 24, "tay": 12, "dao": 9, "nung": 6, "other": 3},
	"trainer_type":  {"team": 46, "commune": 18, "youth": 18, "police": 8, "telecom": 5, "teacher": 5},
	"police_point":  {"commune": 48, "district": 26, "province": 2, "mobile": 24},
	"phone_owner":   {"self": 70, "relative": 22, "neighbour": 4, "team": 4},
	"channel":       {"app": 93, "web": 7},
	"os":            {"android": 90, "ios": 8, "other": 2},
	"level":         {"1": 22, "2": 78},
	"CD.app":        {"vneid": 38, "dvc": 14, "zalo": 13, "vssid": 14, "bank": 10, "wallet": 7, "other": 4},
	"procedure":     {"birth": 22, "death": 5, "marriage": 5, "residence": 12, "stay": 8, "single": 8, "certify": 15, "health_insurance": 12, "allowance": 10, "land": 4, "vehicle": 4, "criminal_record": 4, "other": 5},
	"TTKTM.service": {"account": 30, "qr": 18, "social": 24, "wallet": 20, "bill": 8},
	"beneficiary":   {"citizen": 78, "business": 22},
	"provider":      {"bank": 55, "telecom": 32, "post": 9, "other": 4},
	"RS.consent":    {"signed": 30, "spoken": 66, "no": 4},
	"RS.signal":     {"none": 22, "weak": 43, "good": 35},
	"TC.category":   {"signal": 30, "papers": 24, "sim": 12, "language": 6, "device": 12, "scam": 10, "other": 6},
	"TC.passed_to":  {"team": 5, "commune": 45, "police": 28, "telecom": 17, "province": 5},
}

// presence is how many of 100 new activities set an optional field; 70 if absent.
var presence = map[string]int{
	"women_count": 75, "language": 60, "place": 25, "trainer": 30, "duration_min": 65,
	"age_band": 80, "obstacles": 100, "guardian": 90, "appointment": 85, "attempt_no": 55,
	"os": 60, "os_major": 35, "dossier_ref": 30, "fee_online": 50, "orders": 60,
	"passed_to": 90, "follow_up_by": 80, "detail": 35, "passed_to_police": 85,
	"household_ref": 20, "needs": 90, "first_smartphone": 40,
}

// ranges bound what is drawn for a number, within the bounds of the kind.
var ranges = map[string][2]int{
	"TT.audience_count": {6, 90}, "HN.attendees": {3, 35}, "ATTT.people_count": {4, 80},
	"YTGD.people_count": {1, 40}, "duration_min": {20, 150}, "attempt_no": {1, 5},
	"household_size": {1, 9}, "orders": {0, 60},
}

// ageBands are the bands of the field age_band, in order.
var ageBands = [...]struct {
	code  any
	years [2]int
}{
	{"0_5", [2]int{0, 5}}, {"6_13", [2]int{6, 13}}, {"14_24", [2]int{14, 24}},
	{"25_39", [2]int{25, 39}}, {"40_59", [2]int{40, 59}}, {"60_up", [2]int{60, 88}},
}

// ageWeights weigh the bands for the citizens of a kind. Level 2 begins at 6
// years, what needs a person's own account or signature at 14.
func ageWeights(kind string) [len(ageBands)]int {
	switch kind {
	case "CC":
		return [...]int{3, 9, 32, 26, 18, 12}
	case "DD1":
		return [...]int{3, 9, 26, 32, 22, 8}
	case "DD2":
		return [...]int{0, 6, 28, 32, 23, 11}
	case "RS":
		return [...]int{0, 0, 3, 34, 42, 21}
	default:
		return [...]int{0, 0, 22, 38, 29, 11}
	}
}
