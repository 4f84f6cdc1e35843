package registers

import (
	"context"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// source finds or makes the profile and the register that a file is for.
func (s *Service) source(ctx context.Context, src FileSource, whole bool) (RegisterProfile, Register, error) {
	reg, had, err := s.registerNamed(ctx, src.Register)
	if err != nil {
		return RegisterProfile{}, reg, err
	}
	p := RegisterProfile{}
	switch {
	case src.Adjusted != nil:
		p = *src.Adjusted
	case src.Profile != "":
		p, err = s.Profile(ctx, src.Profile)
	case had && reg.Profile != "":
		p, err = s.Profile(ctx, reg.Profile)
	}
	if err != nil {
		return p, reg, err
	}
	if src.Units != nil || !had {
		reg.Units = append([]string{}, src.Units...)
	}
	if src.From != "" || src.To != "" || !had {
		reg.From, reg.To = src.From, src.To
	}
	if src.KeepDays != 0 {
		reg.KeepDays = src.KeepDays
	}
	if reg.KeepDays == 0 {
		reg.KeepDays = DefaultKeepDays
	}
	if p.Name != "" {
		reg.Profile = p.Name
	}
	if len(p.Rule.Kinds) > 0 {
		reg.Rule = p.Rule
	}
	if !whole {
		return p, reg, nil
	}
	if err := p.check(s.cfg.Definitions().Kinds()); err != nil {
		return p, reg, err
	}
	return p, reg, s.checkCoverage(&reg)
}

func (s *Service) registerNamed(ctx context.Context, name string) (reg Register, had bool, err error) {
	err = s.cfg.View(ctx, func(r store.Reader) error {
		reg, err = find(r, name)
		return err
	})
	switch {
	case err == nil:
		return reg, true, nil
	case syncproto.CodeOf(err) != syncproto.CodeNotFound:
		return reg, false, err
	}
	reg = Register{Name: name, MadeMS: s.cfg.Now().UnixMilli()}
	reg.ID, err = s.id()
	return reg, false, err
}

func (s *Service) checkCoverage(reg *Register) error {
	if !profileName.MatchString(reg.Name) || !syncproto.CleanText(reg.Name) {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "give the register a name of at most 80 letters and digits, such as CCCD 2026")
	}
	if len(reg.Units) == 0 {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "say which units the register covers, as list:code: outside of them it says nothing of an activity")
	}
	defs := s.cfg.Definitions()
	for _, u := range reg.Units {
		if !defs.UnitKnown(u) {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "unit %s is not known here: write it as list:code", u)
		}
	}
	for _, d := range []string{reg.From, reg.To} {
		if d != "" && !isDay(d) {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "the days that a register covers are written YYYY-MM-DD")
		}
	}
	if reg.From != "" && reg.To != "" && reg.From > reg.To {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "the register covers no day: its first day is after its last")
	}
	if reg.KeepDays < 1 || reg.KeepDays > 3660 {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "rows are kept for 1 to 3660 days")
	}
	return nil
}
