package server

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"thonsync/server/audit"
	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// PINReset asks for the answer to a challenge that a phone shows for a forgotten
// PIN. Device is needed only where several phones share a tag.
type PINReset struct {
	Challenge string    `json:"challenge"`
	Device    uuid.UUID `json:"device"`
}

// PINAnswer is what the officer reads back, and whom it is for. The officer
// compares that with who asks.
type PINAnswer struct {
	Answer string    `json:"answer"`
	Device uuid.UUID `json:"device"`
	Label  string    `json:"label"`
	Unit   string    `json:"unit"`
	Team   uuid.UUID `json:"team"`
	// Member is whose PIN it is; uuid.Nil for somebody whom only the phone knows.
	Member uuid.UUID `json:"member"`
	Role   string    `json:"role"` // of the member, in the team
}

// AnswerPIN answers a challenge, for phones that this server serves and that are
// not revoked. It needs no line: phone and server share a key.
func (n *Node) AnswerPIN(ctx context.Context, q PINReset) (PINAnswer, error) {
	challenge, deviceTag, personTag, err := syncproto.ParseResetChallenge(q.Challenge)
	if err != nil {
		return PINAnswer{}, err
	}
	var out PINAnswer
	var o store.Origin
	err = n.store.View(ctx, func(r store.Reader) error {
		if o, err = n.shownBy(r, deviceTag, q.Device); err != nil {
			return err
		}
		out = PINAnswer{Device: o.ID, Team: o.Team, Unit: strings.Join(o.Units, ",")}
		return n.whoAsks(r, &o, personTag, &out)
	})
	if err != nil {
		return PINAnswer{}, err
	}
	key, err := syncproto.ResetKey(n.trust.Key(), o.Key, false)
	if err != nil {
		return PINAnswer{}, err
	}
	event := audit.Event{Actor: audit.Console, Action: audit.PINReset, Object: o.ID.String(), Unit: o.Units[0]}
	if err := n.audit.Write(ctx, event); err != nil {
		return PINAnswer{}, err
	}
	out.Answer = syncproto.ResetAnswer(key, challenge)
	return out, nil
}

// shownBy finds the phone that shows a challenge.
func (n *Node) shownBy(r store.Reader, tag string, device uuid.UUID) (store.Origin, error) {
	var found []store.Origin
	list, err := r.Origins(store.OriginQuery{Role: credential.RolePhone})
	if err != nil {
		return store.Origin{}, err
	}
	for _, o := range list {
		if syncproto.ResetDeviceTag(o.ID) == tag && len(o.Units) > 0 && (device == uuid.Nil || device == o.ID) && n.ingest.Revoked(o.ID) == nil {
			found = append(found, o)
		}
	}
	switch len(found) {
	case 0:
		return store.Origin{}, syncproto.Errorf(syncproto.CodeInvalidInput, "no phone that is served here shows this challenge: read it again, or let the phone exchange here once; a revoked phone gets no answer")
	case 1:
		return found[0], nil
	}
	ids := make([]string, len(found))
	for i := range found {
		ids[i] = found[i].ID.String()
	}
	return store.Origin{}, syncproto.Errorf(syncproto.CodeInvalidInput, "%d phones could show this challenge: name one with --device: %s", len(found), strings.Join(ids, ", "))
}

// whoAsks fills in what is known of phone and person.
func (n *Node) whoAsks(r store.Reader, o *store.Origin, personTag string, out *PINAnswer) error {
	err := EachDevice(r, func(_ *store.Record, row syncproto.Row) error {
		if row.Value(syncproto.DeviceOrigin).UUID() == o.ID {
			out.Label = row.Value(syncproto.DeviceLabel).Text()
		}
		return nil
	})
	if err != nil {
		return err
	}
	q := store.RecordQuery{Collection: syncproto.CollectionMember, ExistsOnly: true}
	return r.EachRecord(q, func(rec store.Record) error {
		if rec.Team != o.Team || syncproto.ResetPersonTag(o.ID, rec.ID) != personTag {
			return nil
		}
		row, err := ingest.Shown(&rec)
		out.Member, out.Role = rec.ID, row.Value(syncproto.MemberRole).Text()
		return err
	})
}
