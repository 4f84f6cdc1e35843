package server

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"thonsync/server/answer"
	"thonsync/server/audit"
	"thonsync/server/backup"
	"thonsync/server/httpapi"
	"thonsync/server/relay"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// None stands for no input or no output.
type None struct{}

// CodeNew makes a joining code.
var CodeNew = Register(Command[CodeRequest, NewCode]{
	Name: "code.new", Live: true,
	Do: func(ctx context.Context, n *Node, in CodeRequest) (NewCode, error) {
		return n.codeFor(ctx, in)
	},
})

// codeFor makes a joining code for whoever sits at the machine and writes it
// down.
func (n *Node) codeFor(ctx context.Context, in CodeRequest) (NewCode, error) {
	made, err := n.NewCode(ctx, in)
	if err != nil {
		return made, err
	}
	event := audit.Event{Actor: audit.Console, Action: audit.CodeMade, Object: string(in.Role), Unit: made.Units[0]}
	return made, n.audit.Write(ctx, event)
}

// CodeList lists the codes that have not expired.
var CodeList = Register(Command[None, []answer.CodeState]{
	Name: "code.list", Live: true,
	Do: func(_ context.Context, n *Node, _ None) ([]answer.CodeState, error) { return n.codes.List(), nil },
})

// Confirmation confirms the device that waits under a code.
type Confirmation struct {
	Name   string `json:"name"`
	Digits string `json:"digits"`
}

// CodeConfirm lets a waiting device join.
var CodeConfirm = Register(Command[Confirmation, None]{
	Name: "code.confirm", Live: true,
	Do: func(ctx context.Context, n *Node, in Confirmation) (None, error) {
		event := audit.Event{Actor: audit.Console, Action: audit.CodeConfirmed}
		if err := n.codes.Confirm(in.Name, strings.TrimSpace(in.Digits)); err != nil {
			event.Action = audit.CodeRefused
			return None{}, errors.Join(err, n.audit.Write(ctx, event))
		}
		return None{}, n.audit.Write(ctx, event)
	},
})

// CodeWatch waits until the state of a code differs from the given one, or a
// while has passed, and gives it; its State is "gone" once it has expired.
var CodeWatch = Register(Command[answer.CodeState, answer.CodeState]{
	Name: "code.watch", Live: true,
	Do: func(ctx context.Context, n *Node, in answer.CodeState) (answer.CodeState, error) {
		limit := n.opts.After(watchFor)
		for {
			st, changed, ok := n.codes.Watch(in.Name)
			if !ok {
				return answer.CodeState{Name: in.Name, State: "gone"}, nil
			}
			if st.State != in.State {
				return st, nil
			}
			select {
			case <-ctx.Done():
				return st, ctx.Err()
			case <-limit:
				return st, nil
			case <-changed:
			}
		}
	},
})

// watchFor bounds one wait, so that the caller can show the time that is left.
const watchFor = 20 * time.Second

// PointList lists the points that the centre knows.
var PointList = Register(Command[None, []PointState]{
	Name: "point.list",
	Do:   func(ctx context.Context, n *Node, _ None) ([]PointState, error) { return n.Points(ctx) },
})

// PointRenew renews a point's right to take phones in.
var PointRenew = Register(Command[PointRenewal, PointState]{
	Name: "point.renew",
	Do:   func(ctx context.Context, n *Node, in PointRenewal) (PointState, error) { return n.RenewPoint(ctx, in) },
})

// PINResetCommand answers a phone's challenge for a forgotten PIN.
var PINResetCommand = Register(Command[PINReset, PINAnswer]{
	Name: "pin.reset",
	Do:   func(ctx context.Context, n *Node, in PINReset) (PINAnswer, error) { return n.AnswerPIN(ctx, in) },
})

// StatusCommand gives the state of a server, also of one that does not run.
var StatusCommand = Register(Command[None, httpapi.Status]{
	Name: "status",
	Do:   func(ctx context.Context, n *Node, _ None) (httpapi.Status, error) { return n.Status(ctx) },
})

// Files are encoded bundles.
type Files struct {
	Bundles [][]byte `json:"bundles"`
}

// BundleUp exports everything that upstream has not receipted.
var BundleUp = Register(Command[None, Files]{
	Name: "bundle.up",
	Do: func(ctx context.Context, n *Node, _ None) (Files, error) {
		if n.role != credential.RolePoint {
			return Files{}, syncproto.Errorf(syncproto.CodeInvalidInput, "this is the centre, it has no upstream: export for one origin with --for")
		}
		if err := n.answer.Flush(ctx); err != nil { // who has just been here
			return Files{}, err
		}
		parts, err := relay.Up{Store: n.store, Key: n.trust.Key(), Centre: n.trust.Centre().ID(), Now: n.opts.Now}.Export(ctx)
		if err != nil {
			return Files{}, err
		}
		return encodeParts(parts)
	},
})

func encodeParts(parts [][]syncproto.Entry) (Files, error) {
	var f Files
	for _, p := range parts {
		b, err := syncproto.EncodeBundle(p)
		if err != nil {
			return f, err
		}
		f.Bundles = append(f.Bundles, b)
	}
	return f, nil
}

// Asked asks for an answer bundle: by an ask as it stood in a bundle, or for an
// origin from the beginning.
type Asked struct {
	Ask    []byte    `json:"ask,omitempty"`
	Origin uuid.UUID `json:"origin"`
}

// BundleFor exports what an origin may have.
var BundleFor = Register(Command[Asked, Files]{
	Name: "bundle.for",
	Do: func(ctx context.Context, n *Node, in Asked) (Files, error) {
		ask := answer.AskFor(in.Origin)
		if in.Ask != nil {
			var err error
			if ask, err = syncproto.DecodeAsk(in.Ask); err != nil {
				return Files{}, err
			}
		}
		entries, err := n.answer.Bundle(ctx, ask)
		if err != nil {
			return Files{}, err
		}
		return encodeParts([][]syncproto.Entry{entries})
	},
})

// Bundle is one encoded bundle.
type Bundle struct {
	Data []byte `json:"data"`
}

// BundleResult is what an import brought, with the asks that it held.
type BundleResult struct {
	relay.Imported
	Asks [][]byte `json:"asks,omitempty"`
}

// BundleImport takes a bundle in.
var BundleImport = Register(Command[Bundle, BundleResult]{
	Name: "bundle.import",
	Do: func(ctx context.Context, n *Node, in Bundle) (BundleResult, error) {
		var notice, contacts func([]byte) error
		if n.relay != nil {
			notice = n.relay.TakeNotice
		} else {
			contacts = func(b []byte) error { return n.answer.TakeContacts(ctx, b) }
		}
		got, err := relay.Import(ctx, n.ingest, n.self(), in.Data, notice, contacts)
		out := BundleResult{Imported: got}
		for _, a := range got.Asks {
			out.Asks = append(out.Asks, a.Encode())
		}
		if n.relay != nil {
			n.relay.Wake()
		}
		return out, err
	},
})

// BackupCommand makes one backup now.
var BackupCommand = Register(Command[None, backup.Made]{
	Name: "backup",
	Do: func(ctx context.Context, n *Node, _ None) (backup.Made, error) {
		if n.backup == nil {
			return backup.Made{}, errNoBackups
		}
		return n.backup.Make(ctx)
	},
})

var errNoBackups = syncproto.Errorf(syncproto.CodeInvalidInput, "no backups are configured: set --backup-folder, best to another disk")

// BackupFile names a backup.
type BackupFile struct {
	Path string `json:"path"`
}

// VerifyBackup restores a backup into a scratch folder and proves it.
var VerifyBackup = Register(Command[BackupFile, backup.Made]{
	Name: "backup.verify",
	Do: func(ctx context.Context, n *Node, in BackupFile) (backup.Made, error) {
		if n.backup == nil {
			return backup.Made{}, errNoBackups
		}
		return n.backup.Verify(ctx, in.Path)
	},
})

// VerifyCommand proves everything that is stored.
var VerifyCommand = Register(Command[None, Verified]{
	Name: "verify",
	Do:   func(ctx context.Context, n *Node, _ None) (Verified, error) { return n.Verify(ctx) },
})

// DoctorCommand looks for what is wrong.
var DoctorCommand = Register(Command[None, []Check]{
	Name: "doctor",
	Do:   func(ctx context.Context, n *Node, _ None) ([]Check, error) { return n.Doctor(ctx) },
})
