package syncproto

import (
	"encoding/json"
	"strings"
	"testing"
)

func describe(t *testing.T, f func([]byte) (any, error), b []byte) string {
	t.Helper()
	v, err := f(b)
	must(t, err)
	out, err := json.MarshalIndent(v, "", " ")
	must(t, err)
	return string(out)
}

func wantWords(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q is missing from\n%s", w, text)
		}
	}
}

func TestDescribeSegment(t *testing.T) {
	key := vecKey(0)
	s := encodeVec(t, vecInput(t, key, 1, 5))
	text := describe(t, DescribeJSON, s.Encode())
	wantWords(t, text, `"is": "segment"`, s.Origin.String(), `"last": 5`, `"personal": {`, `"sealed": "sealed, `, `"op": "create"`, `"op": "void"`,
		`"collection": "activity"`, `"unit": "thon-2025:00988-01"`, `"occurred": "2026-05-28"`, `"supersedes": {`, `"newer_header_fields": {`,
		`"field_40": [`, `"void_reason": "duplicate"`, `"stamp": "2026-05-28T20:26:40.000Z"`, `"open_chain": "matches the statement"`)
	for _, secret := range []string{"Vàng Mí Thử", "002190000001", "0912000001", "ghi hai lần"} {
		if strings.Contains(text, secret) {
			t.Errorf("personal content shows: %s", text)
		}
	}
	wantWords(t, describe(t, DescribeJSON, s.EncodeOpen()), "only its hash came along")
	broken, err := ParseSegment(s.Encode())
	must(t, err)
	broken.After.Open[0] ^= 1
	wantWords(t, describe(t, DescribeJSON, resign(broken, key)), "disagree")
}

func TestDescribeOthers(t *testing.T) {
	wantWords(t, describe(t, DescribeJSON, vecNotices(t)[1].Encode()), `"is": "key notice"`, `"serial": 300`, "damaged: no token", "all verify")
	for _, v := range readVectors[vecExchange](t, "message/exchanges.json")[:1] {
		wantWords(t, describe(t, DescribeJSON, v.Request), `"is": "exchange request"`, `"to_key": "`)
		wantWords(t, describe(t, DescribeJSON, v.Answer), `"is": "exchange answer"`, `"encrypted": "`)
	}
	key := vecKey(70)
	receipt := vecReceipts()[1]
	receipt.Sign(key)
	wantWords(t, describe(t, DescribeReceipt, receipt.Encode()), `"custody": "received"`, `"outcome": "held"`, `"reason": "unreadable"`)
	revoke := vecRulings()[5]
	revoke.Sign(key)
	wantWords(t, describe(t, DescribeRuling, revoke.Encode()), `"decides": "revoke"`, `"device": "`+revoke.Target.Origin.String(), `"seq": 412`)
	ruling := vecRulings()[2]
	ruling.Sign(key)
	wantWords(t, describe(t, DescribeRuling, ruling.Encode()), `"decides": "erase"`, vecID.String(), `"feed": "common"`)
	wantWords(t, describe(t, DescribePage, vecPages(t, key)[0].Encode()), `"is": "page"`, `"to": 3`, `"is": "ruling"`, `"op": "create"`, `"origin": "`)
	bundle, err := EncodeBundle([]Entry{
		{EntrySegment, encodeVec(t, vecInput(t, vecKey(0), 1, 1)).Encode()}, {EntryReceipt, receipt.Encode()}, {EntryPage, vecPages(t, key)[1].Encode()},
		{EntryNotice, vecNotices(t)[0].Encode()}, {EntryAsk, (&Ask{Origin: vecID, Heads: []OriginHeads{{Origin: vecID}}, Checkpoints: []Checkpoint{{Feed: CommonFeed}}}).Encode()},
		{EntryCredential, EncodeCredentialEntry(OriginCredential{vecID, []string{"e30.eyJyb2xlIjoicGhvbmUifQ.x"}})}, {77, []byte("abc")}, {EntrySegment, []byte("TSG")}})
	must(t, err)
	wantWords(t, describe(t, DescribeJSON, bundle), `"is": "bundle"`, `"whole": true`, `"kind": "segment"`, `"kind": "page"`, `"kind": "ask"`, `"heads": [`,
		`"role": "phone"`, `"kind": "unknown kind 77"`, `"holds": "3 bytes"`, `"error": "`)
	for _, b := range []string{"", "TSG", "GIF89a and more", "TSG\x01", "TSQ\x02" + strings.Repeat("x", 60), "TSQ\x01short", "TSK\x01"} {
		if _, err := DescribeJSON([]byte(b)); err == nil {
			t.Errorf("%q is taken for something", b)
		}
	}
}
