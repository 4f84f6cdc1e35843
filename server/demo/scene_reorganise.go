package demo

import (
	"context"
	"fmt"
	"io/fs"

	"thonsync/server/reconcile/reorganise"
	"thonsync/testdata/units"
)

// sceneReorganise leaves a plan of the real reform of 1 July 2025, to be looked at
// and carried out: the day's first commune is one of those that were split.
func (s *stage) sceneReorganise(ctx context.Context) error {
	svc, err := s.centre.node.Reorganise()
	if err != nil {
		return err
	}
	in := reorganise.Proposal{Name: "Sắp xếp đơn vị từ 1/7/2025"}
	if in.Units, err = fs.ReadFile(units.Files(), "units-gso-2025-07.csv"); err != nil {
		return err
	}
	if in.Lineage, err = fs.ReadFile(units.Files(), "lineage.csv"); err != nil {
		return err
	}
	out, err := svc.Plan(ctx, in)
	if err == nil && len(out.Problems) > 0 {
		err = fmt.Errorf("the plan of a reorganisation was not kept: %s", out.Problems[0].Rule)
	}
	return err
}
