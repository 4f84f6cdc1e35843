package demo

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"thonsync/server"
)

// plain finds a phone to which nothing special happened this day.
func (s *stage) plain() *phone {
	c := &s.cast
	for _, p := range s.phones {
		if p != c.carried && p != c.killed && p != c.late && p != c.year {
			return p
		}
	}
	return s.phones[0]
}

// revokeOne revokes a phone that goes on recording until it hears of it: its
// later work must neither count nor be lost, and count once it is released.
func (s *stage) revokeOne(ctx context.Context) (string, error) {
	p := s.plain()
	order := server.DeviceOrder{Name: p.dev.Origin().String(), Reason: "lost"}
	if _, err := server.DeviceRevoke.Do(ctx, s.centre.node, order); err != nil {
		return "", err
	}
	id, err := p.recordOne(ctx)
	if err != nil {
		return "", err
	}
	if err := s.upstream(ctx, s.points...); err != nil {
		return "", err
	}
	if _, err := p.dev.Sync(ctx); err != nil {
		return "", err
	}
	if err := s.upstream(ctx, s.points...); err != nil {
		return "", err
	}
	if st, err := p.dev.Status(ctx); err != nil || st.Revoked == nil {
		return "", brokenf("%s was revoked and does not know it (%v)", p.name, err)
	}
	if counts, err := s.centreHas(ctx, id); err != nil || counts {
		return "", brokenf("work of %s from after its revocation counts (%v)", p.name, err)
	}
	got, err := server.DeviceRelease.Do(ctx, s.centre.node, order)
	if err != nil {
		return "", brokenf("what %s wrote after its revocation is lost: %v", p.name, err)
	}
	if counts, err := s.centreHas(ctx, id); err != nil || !counts {
		return "", brokenf("released work of %s does not count (%v)", p.name, err)
	}
	return fmt.Sprintf("%s was revoked, its later work held until one command released it (ruling %d)", p.name, got.Rulings[0]), nil
}

// recordOne records until there is a new record: what people do may be an edit.
func (p *phone) recordOne(ctx context.Context) (uuid.UUID, error) {
	before := len(p.made)
	for len(p.made) == before {
		if err := p.record(ctx); err != nil {
			return uuid.Nil, err
		}
	}
	return p.made[before], nil
}
