package server_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"thonsync/server"
	"thonsync/server/audit"
	"thonsync/syncproto"
)

// watched looks at the access log in the moment when the first octets of a file
// are written.
type watched struct {
	path string
	seen []byte
}

func (w *watched) Write(b []byte) (int, error) {
	if w.seen == nil {
		w.seen, _ = os.ReadFile(w.path)
	}
	return len(b), nil
}

func TestExportOfPersonalFieldsIsLoggedFirst(t *testing.T) {
	w := newWorld(t)
	log := &watched{path: filepath.Join(w.centre.cfg.Data, "access.jsonl")}
	q := server.ExportRequest{What: server.ExportTeams, Unit: communeA, Format: "csv"}
	if _, err := server.Export(t.Context(), w.centre.cfg, w.options(), q, log); err != nil {
		t.Fatal(err)
	}
	if len(log.seen) != 0 {
		t.Errorf("an export without personal fields was logged: %s", log.seen)
	}
	log.seen, q.Recipient = nil, "Sở Khoa học"
	if _, err := server.Export(t.Context(), w.centre.cfg, w.options(), q, log); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(log.seen, []byte(`"action":"export"`)) || !bytes.Contains(log.seen, []byte(communeA)) {
		t.Errorf("not in the log before the first octet of the file: %q", log.seen)
	}
	list, err := server.AuditList.Run(t.Context(), w.centre.cfg, w.options(), server.AuditQuery{Action: string(audit.Export)})
	if err != nil || len(list) != 1 || list[0].Actor != audit.Console {
		t.Errorf("%+v %v", list, err)
	}
}

// An export is not made when it cannot be logged.
func TestNoLogNoExport(t *testing.T) {
	w := newWorld(t)
	path := filepath.Join(w.centre.cfg.Data, "access.jsonl")
	w.centre.stop()
	if err := os.WriteFile(path, []byte("damaged\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	q := server.ExportRequest{What: server.ExportTeams, Format: "csv", Recipient: "X"}
	var out bytes.Buffer
	if _, err := server.Export(t.Context(), w.centre.cfg, w.options(), q, &out); syncproto.CodeOf(err) != syncproto.CodeChain || out.Len() > 0 {
		t.Errorf("%d octets, %v", out.Len(), err)
	}
}

// Cutting the log short, heads and all, shows against the copy of the heads
// beside the backups; after a restore the log goes on and says what it lost.
func TestAccessLogIsHeldAgainstTheBackups(t *testing.T) {
	w := newWorld(t)
	write := func(n *running) {
		t.Helper()
		if err := n.Audit().Write(t.Context(), audit.Event{Actor: audit.Console, Action: audit.View}); err != nil {
			t.Fatal(err)
		}
	}
	verify := func() *audit.Verdict {
		t.Helper()
		v, err := server.AuditVerify.Run(t.Context(), w.centre.cfg, w.options(), server.AuditHeads{})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	write(w.centre)
	first := w.backup()
	write(w.centre)
	w.clock.advance(1e9)
	w.backup() // its heads know of two entries
	if v := verify(); !v.OK() || v.Entries != 2 {
		t.Fatalf("%+v", v)
	}
	w.centre.stop()
	old := w.centre.cfg
	for _, name := range []string{"access.jsonl", "access-heads.jsonl"} {
		if err := os.Truncate(filepath.Join(old.Data, name), 0); err != nil {
			t.Fatal(err)
		}
	}
	if v := verify(); v.OK() || v.Broken != 1 {
		t.Errorf("after cutting: %+v", v)
	}
	checks, err := server.DoctorCommand.Run(t.Context(), old, w.options(), server.None{})
	if err != nil || !slices.ContainsFunc(checks, func(c server.Check) bool { return c.Name == "access log" && !c.OK && c.Fix != "" }) {
		t.Errorf("doctor does not see it: %+v %v", checks, err)
	}
	w.centre.cfg.Data = filepath.Join(t.TempDir(), "restored")
	w.clock.advance(1e9)
	if err := server.Restore(t.Context(), w.centre.cfg, w.options(), first.File); err != nil {
		t.Fatal(err)
	}
	if v := verify(); !v.OK() || v.Entries != 1 || v.Lost != 1 {
		t.Errorf("after the restore: %+v", v)
	}
}
