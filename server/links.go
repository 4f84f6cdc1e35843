package server

import (
	"context"

	"thonsync/server/keys"
	"thonsync/server/reconcile/links"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// openLinks opens the index of persons and what was decided of pairs; centre
// only.
func (n *Node) openLinks(ctx context.Context) error {
	if n.role != credential.RoleCentre {
		return nil
	}
	// The keys are made now, so that every backup has them.
	hashKey, err := n.keys.PersonHashKey()
	if err != nil {
		return err
	}
	rowKey, err := n.keys.PersonalKey()
	if err != nil {
		return err
	}
	box, err := keys.NewBox(rowKey, n.opts.Random)
	if err != nil {
		return err
	}
	n.links = links.New(links.Config{Store: n.store, Ingest: n.ingest, HashKey: hashKey, Box: box, Now: n.opts.Now})
	return n.links.Open(ctx)
}

// Links gives the service that finds records about the same citizen; it fails at
// a point, which cannot know.
func (n *Node) Links() (*links.Service, error) {
	if n.links == nil {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "who a record is about is known at the centre only: run this there")
	}
	return n.links, nil
}
