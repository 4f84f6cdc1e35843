package server_test

import (
	"testing"

	"github.com/google/uuid"

	"thonsync/server"
	"thonsync/server/audit"
	"thonsync/syncproto"
)

// The officer's machine answers a phone's challenge without any line: at the
// point where the phone was taken in, and at the centre whose key it pinned.
func TestPINIsResetWithoutALine(t *testing.T) {
	w := newWorld(t)
	p := w.point(communeA)
	d := w.phone(p, w.teamA1)
	member := w.member[w.teamA1]
	w.record(d)
	w.exchange(d)
	w.sync(p)
	p.line.cut.Store(true)
	for _, at := range []*running{p, w.centre} {
		if err := d.SetPIN(t.Context(), member, "4711"); err != nil {
			t.Fatal(err)
		}
		challenge, err := d.ChallengePIN(t.Context(), member)
		if err != nil {
			t.Fatal(err)
		}
		got, err := server.PINResetCommand.Run(t.Context(), at.cfg, w.options(), server.PINReset{Challenge: challenge})
		if err != nil || got.Device != d.Origin() || got.Member != member || got.Role != "leader" || got.Team != w.teamA1 || got.Label != "Phone" {
			t.Fatalf("%s: %+v, %v", at.Role(), got, err)
		}
		if err := d.ResetPIN(t.Context(), member, got.Answer, ""); err != nil {
			t.Fatalf("%s: %v", at.Role(), err)
		}
		if err := d.SelectPerson(t.Context(), member, ""); err != nil {
			t.Fatal(err)
		}
		entries, err := server.AuditList.Do(t.Context(), at.Node, server.AuditQuery{Action: string(audit.PINReset), Last: 9})
		if err != nil || len(entries) != 1 || entries[0].Object != d.Origin().String() {
			t.Errorf("%s: access log %+v, %v", at.Role(), entries, err)
		}
	}
	// A person whom only the phone knows.
	own := uuid.New()
	if err := d.AddPerson(t.Context(), own, "Người Thử"); err != nil {
		t.Fatal(err)
	}
	if err := d.SetPIN(t.Context(), own, "0815"); err != nil {
		t.Fatal(err)
	}
	challenge, err := d.ChallengePIN(t.Context(), own)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.AnswerPIN(t.Context(), server.PINReset{Challenge: challenge, Device: d.Origin()}); err != nil || got.Member != uuid.Nil {
		t.Errorf("%+v, %v", got, err)
	}
	// Another point has no answer, nor has anybody once the phone is revoked.
	other := w.point(communeB)
	refused := func(at *running, q server.PINReset, what string) {
		t.Helper()
		if got, err := at.AnswerPIN(t.Context(), q); syncproto.CodeOf(err) != syncproto.CodeInvalidInput || got.Answer != "" {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	refused(other, server.PINReset{Challenge: challenge}, "another point")
	refused(p, server.PINReset{Challenge: "what"}, "no challenge")
	refused(p, server.PINReset{Challenge: challenge, Device: uuid.UUID{9}}, "another device")
	if _, err := w.centre.Ingest().Revoke(t.Context(), d.Origin(), syncproto.ReasonRevoked); err != nil {
		t.Fatal(err)
	}
	refused(w.centre, server.PINReset{Challenge: challenge}, "a revoked phone")
}

// A phone that was taken in a moment ago gets answers before its first exchange.
func TestPINIsResetBeforeTheFirstExchange(t *testing.T) {
	w := newWorld(t)
	p := w.point(communeA)
	code, err := p.NewCode(t.Context(), server.CodeRequest{Role: "phone", Team: w.teamA1})
	if err != nil {
		t.Fatal(err)
	}
	d := w.device()
	if _, err := d.Join(t.Context(), code.URI, "Phone"); err != nil {
		t.Fatal(err)
	}
	member := w.member[w.teamA1]
	if err := d.SetPIN(t.Context(), member, "4711"); err != nil {
		t.Fatal(err)
	}
	challenge, err := d.ChallengePIN(t.Context(), member)
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.AnswerPIN(t.Context(), server.PINReset{Challenge: challenge})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.ResetPIN(t.Context(), member, got.Answer, "1234"); err != nil {
		t.Error(err)
	}
}
