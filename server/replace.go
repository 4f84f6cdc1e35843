package server

import (
	"context"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// PointReplace makes the joining code for a machine that takes the place of a
// point whose machine is gone.
var PointReplace = Register(Command[CodeRequest, NewCode]{
	Name: "point.replace", Live: true,
	Do: func(ctx context.Context, n *Node, in CodeRequest) (NewCode, error) {
		if in.Role = credential.RolePoint; in.Replaces == uuid.Nil {
			return NewCode{}, syncproto.Errorf(syncproto.CodeInvalidInput, "the point that is replaced must be named: `thonsync point list`")
		}
		return n.NewCode(ctx, in)
	},
})

// replacePoint fills a request for a new point in from the one whose place it
// takes.
func (n *Node) replacePoint(ctx context.Context, q *CodeRequest) error {
	return n.store.View(ctx, func(r store.Reader) error {
		old, ok, err := r.Origin(q.Replaces)
		switch {
		case err != nil:
			return err
		case !ok || old.Role != credential.RolePoint:
			return syncproto.Errorf(syncproto.CodeInvalidInput, "%s is no point known here: `thonsync point list` shows them", q.Replaces)
		case n.ingest.Revoked(old.ID) != nil:
			return syncproto.Errorf(syncproto.CodeInvalidInput, "point %s is revoked or replaced already: make an ordinary code with `thonsync code new --role point`", q.Replaces)
		}
		q.Units = old.Units
		return nil
	})
}

// ReasonReplaced is why a point was revoked whose place another took.
const ReasonReplaced syncproto.Reason = "replaced"

// retirePoint ends what a replaced point may issue. What it carries is still
// taken, should its machine come back.
func (n *Node) retirePoint(ctx context.Context, old syncproto.OriginID) error {
	_, err := n.ingest.Revoke(ctx, old, ReasonReplaced)
	return n.keepOrders(ctx, err)
}
