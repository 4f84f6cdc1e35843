package main

import (
	"strings"
	"testing"

	"thonsync/clientlib/clienttest"
	"thonsync/syncproto"
)

// guideRow is an invented guide without an English text.
func guideRow() syncproto.Row {
	text := func(num uint32, s string) syncproto.Field {
		return syncproto.Field{Num: num, Value: syncproto.TextValue(s)}
	}
	return syncproto.NewRow(text(syncproto.FieldUnit, "test:0"), text(syncproto.GuideCode, "vneid"),
		text(syncproto.GuideTitleVI, "Kích hoạt tài khoản"), text(syncproto.GuideTitleEN, "Activating an account"),
		text(syncproto.GuideBodyVI, "Bước một.\n\nBước hai."))
}

func TestGuidesAreReadAndCounted(t *testing.T) {
	b := newBench(t)
	b.join()
	if out := b.ok("guides"); !strings.Contains(out, "no guides yet") {
		t.Errorf("before any came:\n%s", out)
	}
	b.w.Centre.Define(syncproto.CollectionGuide, guideRow())
	b.ok("sync")
	if out := b.ok("guides"); !strings.Contains(out, "Activating an account") || !strings.Contains(out, "not read yet") {
		t.Errorf("list:\n%s", out)
	}
	if out := b.ok("guides", "VNeID"); !strings.Contains(out, "Bước hai.") {
		t.Errorf("a guide without an English text is shown in Vietnamese, got:\n%s", out)
	}
	b.ok("guides", "vneid")
	var list struct {
		Guides []struct {
			Code        string
			Opened      int
			LastOpened  int64 `json:"last_opened_ms"`
			FirstOpened int64 `json:"first_opened_ms"`
		}
	}
	b.object(&list, "guides")
	if len(list.Guides) != 1 || list.Guides[0].Opened != 2 || list.Guides[0].LastOpened != b.w.Clock.NowMS() || list.Guides[0].FirstOpened == 0 {
		t.Errorf("after two openings: %+v", list)
	}
	if code, _, errOut := b.run("guides", "none"); code != exitFailed || !strings.Contains(errOut, "not known on this device") {
		t.Errorf("unknown guide: exit %d, %s", code, errOut)
	}
}

func TestPlacesHaveTheirNames(t *testing.T) {
	b := newBench(t)
	b.w.Team = b.w.Centre.Define(syncproto.CollectionTeam, syncproto.NewRow(
		syncproto.Field{Num: syncproto.FieldUnit, Value: syncproto.TextValue(clienttest.Unit)},
		syncproto.Field{Num: syncproto.TeamName, Value: syncproto.TextValue("Tổ Thử")}))
	b.join()
	b.record()
	if out := b.ok("list"); !strings.Contains(out, "Thôn Thử") {
		t.Errorf("list does not name the unit:\n%s", out)
	}
	if out := b.ok("status"); !strings.Contains(out, "Thôn Thử ("+clienttest.Unit+")") || !strings.Contains(out, "Team: Tổ Thử") {
		t.Errorf("status does not name the unit beside its code:\n%s", out)
	}
	var s struct {
		Unit string
		Text string `json:"unit_text"`
	}
	b.object(&s, "status")
	if s.Unit != clienttest.Unit || s.Text != "Thôn Thử" {
		t.Errorf("status: %+v", s)
	}
}
