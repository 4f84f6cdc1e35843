package server

import (
	"context"

	"github.com/google/uuid"

	"thonsync/server/audit"
	"thonsync/server/reconcile/registers"
	"thonsync/server/requests"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// traceOctets is how much of an encrypted row is looked for once it is deleted:
// its nonce and the begin of what follows are met nowhere else.
const traceOctets = 28

// openRegisters makes the service that compares records with registers, at the
// centre.
func (n *Node) openRegisters(ctx context.Context) error {
	if n.role != credential.RoleCentre {
		return nil
	}
	hashKey, box, err := n.personKeys()
	if err != nil {
		return err
	}
	n.registers = registers.New(registers.Config{
		View: n.store.View, Update: func(ctx context.Context, f func(store.Tx) error) error { return n.ingest.Do(ctx, f) },
		Definitions: n.ingest.Definitions, Persons: n.links, Erased: n.erasedSubjects, HashKey: hashKey, Box: box,
		Forget: func(ctx context.Context, f func(store.Tx) ([][]byte, error)) error {
			return n.ingest.Forget(ctx, func(tx store.Tx) ([][]byte, error) {
				sealed, err := f(tx)
				return traces(sealed), err
			})
		},
		Now: n.opts.Now, After: n.opts.After, Random: n.opts.Random,
	})
	var background context.Context
	background, n.endBeside = context.WithCancel(context.WithoutCancel(ctx))
	n.beside = func(f func(context.Context)) { n.besides.Go(func() { f(background) }) }
	n.ingest.SetEraser(func(tx store.Tx, record uuid.UUID, numbers []syncproto.IDNumber) ([][]byte, error) {
		sealed, err := n.registers.Erase(tx, record, numbers)
		return traces(sealed), err
	})
	return n.registers.Recover(ctx)
}

func traces(sealed [][]byte) [][]byte {
	out := make([][]byte, len(sealed))
	for i, b := range sealed {
		out[i] = b[:min(len(b), traceOctets)]
	}
	return out
}

// Registers gives the service that compares records with registers; an error at a
// point, which never has them.
func (n *Node) Registers() (*registers.Service, error) {
	if n.registers == nil {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "registers are kept at the centre only: run this there")
	}
	return n.registers, nil
}

// erasedSubjects tells of an identity number whether its citizen was erased on a
// request. The log of requests lies outside the database and so outlasts a restore.
func (n *Node) erasedSubjects() (func(syncproto.IDNumber) (bool, error), error) {
	log, c, err := n.queue()
	if err != nil {
		return nil, err
	}
	erased := map[string]bool{}
	for _, r := range log.List(c) {
		if r.How == requests.ByErasure && r.Subject != "" {
			erased[r.Subject] = true
		}
	}
	return func(number syncproto.IDNumber) (bool, error) {
		if len(erased) == 0 {
			return false, nil
		}
		subject, err := n.subject(number)
		return erased[subject], err
	}, nil
}

// isSubject tells of an identity number whether it is that of a request's citizen.
func (n *Node) isSubject(subject string) func(syncproto.IDNumber) (bool, error) {
	return func(number syncproto.IDNumber) (bool, error) {
		if subject == "" {
			return false, nil
		}
		is, err := n.subject(number)
		return is == subject, err
	}
}

// replayRegisters erases again what a restore has brought back.
func (n *Node) replayRegisters(ctx context.Context) error {
	if n.registers == nil {
		return nil
	}
	erased, err := n.erasedSubjects()
	if err != nil {
		return err
	}
	if _, err := n.registers.Subjects(ctx, erased); err != nil {
		return err
	}
	return n.ingest.Purge(ctx)
}

// tidyRegisters compares what is new, and lets go of what is kept no longer.
func (n *Node) tidyRegisters(ctx context.Context) error {
	if n.registers == nil {
		return nil
	}
	if err := n.registers.Tidy(ctx); err != nil {
		return err
	}
	return n.registers.Match(ctx, nil)
}

// noteRegister writes down who does what with a register before it is done.
func (n *Node) noteRegister(ctx context.Context, actor, object, result string) error {
	return n.audit.Write(ctx, audit.Event{Actor: actor, Action: audit.RegisterChanged, Object: object, Result: result})
}

// RegisterProfiles lists the profiles.
var RegisterProfiles = Register(Command[None, []registers.RegisterProfile]{
	Name: "register.profiles",
	Do: func(ctx context.Context, n *Node, _ None) ([]registers.RegisterProfile, error) {
		s, err := n.Registers()
		if err != nil {
			return nil, err
		}
		return s.Profiles(ctx)
	},
})

// RegisterProfileSave keeps a profile.
var RegisterProfileSave = Register(Command[registers.RegisterProfile, None]{
	Name: "register.profile.save",
	Do: func(ctx context.Context, n *Node, in registers.RegisterProfile) (None, error) {
		s, err := n.Registers()
		if err != nil {
			return None{}, err
		}
		return None{}, s.SaveProfile(ctx, in)
	},
})

// RegisterName names a register or a profile.
type RegisterName struct {
	Name string `json:"name"`
	Unit string `json:"unit,omitempty"`
}

// RegisterProfileDrop forgets a profile.
var RegisterProfileDrop = Register(Command[RegisterName, None]{
	Name: "register.profile.drop",
	Do: func(ctx context.Context, n *Node, in RegisterName) (None, error) {
		s, err := n.Registers()
		if err != nil {
			return None{}, err
		}
		return None{}, s.DropProfile(ctx, in.Name)
	},
})

// RegisterFile is a file with how to read it.
type RegisterFile struct {
	registers.FileSource
	File   []byte `json:"file"`
	DryRun bool   `json:"dry_run,omitempty"`
	Format string `json:"format,omitempty"` // csv or xlsx, to have the rows left out as a file
}

// RegisterPreview says how a file is understood. That values were shown stands in
// the access log before.
var RegisterPreview = Register(Command[RegisterFile, registers.FilePreview]{
	Name: "register.preview",
	Do: func(ctx context.Context, n *Node, in RegisterFile) (out registers.FilePreview, err error) {
		s, err := n.Registers()
		if err != nil {
			return out, err
		}
		p, err := s.Preview(ctx, in.File, in.FileSource)
		if err != nil {
			return out, err
		}
		return *p, n.audit.Write(ctx, audit.Event{Actor: audit.Console, Action: audit.View, Object: "register preview", Count: len(p.Samples)})
	},
})

// RegisterImported is what an import did.
type RegisterImported struct {
	registers.ImportResult
	LeftOutRows []registers.RowProblem  `json:"left_out_rows"`
	BadFile     []byte                  `json:"bad_file,omitempty"`
	Overview    *registers.RegisterView `json:"register_now,omitempty"` // absent in a dry run
}

// RegisterImport takes a file in, or says what that would do.
var RegisterImport = Register(Command[RegisterFile, RegisterImported]{
	Name: "register.import",
	Do: func(ctx context.Context, n *Node, in RegisterFile) (out RegisterImported, err error) {
		s, err := n.Registers()
		if err != nil {
			return out, err
		}
		if !in.DryRun {
			if err := n.noteRegister(ctx, audit.Console, "register", "import"); err != nil {
				return out, err
			}
		}
		res, err := s.Import(ctx, in.File, in.FileSource, in.DryRun, audit.Console, nil)
		if err != nil {
			return out, err
		}
		out.ImportResult, out.LeftOutRows = *res, res.Bad
		if in.Format != "" {
			if out.BadFile, err = registers.BadRows(in.File, res.Bad, in.Format, ""); err != nil {
				return out, err
			}
		}
		if in.DryRun {
			return out, nil
		}
		if err := s.Match(ctx, nil); err != nil {
			return out, err
		}
		now, err := s.Get(ctx, res.Register.String(), "")
		out.Overview = &now
		return out, err
	},
})

// RegisterList lists registers with their sums.
var RegisterList = Register(Command[RegisterName, []registers.RegisterView]{
	Name: "register.list",
	Do: func(ctx context.Context, n *Node, in RegisterName) ([]registers.RegisterView, error) {
		s, err := n.matched(ctx)
		if err != nil {
			return nil, err
		}
		return s.List(ctx, in.Unit)
	},
})

// matched gives the service with everything compared that has come.
func (n *Node) matched(ctx context.Context) (*registers.Service, error) {
	s, err := n.Registers()
	if err != nil {
		return nil, err
	}
	return s, s.Match(ctx, nil)
}

// RegisterAsk asks for a register with a page of its findings or rows.
type RegisterAsk struct {
	Name    string `json:"name"`
	Unit    string `json:"unit,omitempty"`
	Verdict string `json:"verdict,omitempty"` // list findings of this verdict
	Rows    string `json:"rows,omitempty"`    // list rows: found, only or gone
	Limit   int    `json:"limit,omitempty"`
}

// RegisterShown is the answer.
type RegisterShown struct {
	registers.RegisterView
	Teams    []registers.RegisterTeam    `json:"teams"`
	Findings []registers.RegisterFinding `json:"findings,omitempty"`
	Rows     []registers.RegisterRow     `json:"rows,omitempty"`
	More     bool                        `json:"more,omitempty"`
}

// RegisterShow shows a register. It names nobody.
var RegisterShow = Register(Command[RegisterAsk, RegisterShown]{
	Name: "register.show",
	Do: func(ctx context.Context, n *Node, in RegisterAsk) (out RegisterShown, err error) {
		s, err := n.matched(ctx)
		if err != nil {
			return out, err
		}
		if out.RegisterView, err = s.Get(ctx, in.Name, in.Unit); err != nil {
			return out, err
		}
		if out.Teams, err = s.Teams(ctx, in.Name, in.Unit); err != nil {
			return out, err
		}
		if in.Verdict != "" {
			var next uuid.UUID
			out.Findings, next, err = s.Findings(ctx, in.Name, registers.FindingQuery{Verdict: in.Verdict, Unit: in.Unit, Limit: in.Limit})
			out.More = next != uuid.Nil
		}
		if in.Rows != "" && err == nil {
			var next string
			out.Rows, next, err = s.Rows(ctx, in.Name, registers.RowQuery{State: in.Rows, Unit: in.Unit, Limit: in.Limit})
			out.More = out.More || next != ""
		}
		return out, err
	},
})

// RegisterUndone names an import, or a whole register if Import is uuid.Nil.
type RegisterUndone struct {
	Name   string    `json:"name"`
	Import uuid.UUID `json:"import,omitzero"`
}

// RegisterRemove takes an import back, or forgets a register.
var RegisterRemove = Register(Command[RegisterUndone, None]{
	Name: "register.remove",
	Do: func(ctx context.Context, n *Node, in RegisterUndone) (None, error) {
		return None{}, n.removeRegister(ctx, in, audit.Console)
	},
})

func (n *Node) removeRegister(ctx context.Context, in RegisterUndone, actor string) error {
	s, err := n.Registers()
	if err != nil {
		return err
	}
	reg, err := s.Get(ctx, in.Name, "")
	if err != nil {
		return err
	}
	if in.Import == uuid.Nil {
		if err := n.noteRegister(ctx, actor, reg.ID.String(), "remove"); err != nil {
			return err
		}
		err = s.Remove(ctx, in.Name)
	} else {
		if err := n.noteRegister(ctx, actor, reg.ID.String(), "undo "+in.Import.String()); err != nil {
			return err
		}
		err = s.Undo(ctx, in.Name, in.Import)
	}
	if err != nil {
		return err
	}
	if err := n.ingest.Purge(ctx); err != nil && syncproto.CodeOf(err) != syncproto.CodeOverload {
		return err // an overload is made up for soon
	}
	return s.Match(ctx, nil)
}
