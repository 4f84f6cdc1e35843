package httpapi

import (
	"context"

	"github.com/google/uuid"

	"thonsync/server/reconcile/links"
)

// linker stands for a service that has no pairs.
type linker struct{}

func (linker) Pairs(context.Context, links.Query) (links.List, error) { return links.List{}, nil }
func (linker) PairDetail(context.Context, uuid.UUID, uuid.UUID, string) (v LinkDetail, err error) {
	return v, err
}
func (linker) DecidePair(context.Context, uuid.UUID, uuid.UUID, string, string, string) (v LinkDecided, err error) {
	return v, err
}
func (linker) ScanPairs(context.Context) (v links.Scanned, err error) { return v, err }
func (linker) HelpedPersons(context.Context, string) (v links.Helped, err error) {
	return v, err
}
