package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"thonsync/server/accounts"
)

// HealthKeeper finds what is wrong on the way from phones to the centre, and asks
// about records that look made up. Units nil means everything. Implementations
// must be safe for concurrent use and write down who changes what before it is
// done.
type HealthKeeper interface {
	Health(ctx context.Context, q HealthQuery) (HealthList, error)
	// HealthOf tells all about one device; CodeScope if it is not in units.
	HealthOf(ctx context.Context, origin uuid.UUID, units []string) (HealthDevice, error)
	DismissFinding(ctx context.Context, key string, units []string, actor, reason string) error
	UndoFinding(ctx context.Context, key string, units []string, actor string) error
}

// HealthQuery asks for findings.
type HealthQuery struct {
	Units     []string  `json:"units,omitempty"`
	Kind      string    `json:"kind,omitempty"`
	Origin    uuid.UUID `json:"origin"`
	Dismissed bool      `json:"dismissed,omitempty"`
	After     string    `json:"after,omitempty"`
	Limit     int       `json:"limit,omitempty"`
}

// BothTexts is a sentence in both languages.
type BothTexts struct {
	VI string `json:"vi"`
	EN string `json:"en"`
}

// HealthFinding is one thing that is wrong. Times are Unix ms.
type HealthFinding struct {
	Key         string    `json:"key"`
	Kind        string    `json:"kind" doc:"backup-failed, request-due, fork, restored, gap, quarantine, held, at-point, backlog, quiet, never-heard, point-behind, clock, team-stopped or conflict"`
	Urgent      bool      `json:"urgent"`
	Origin      string    `json:"origin,omitempty" doc:"the device"`
	Role        string    `json:"role,omitempty"`
	Label       string    `json:"label,omitempty" doc:"of the device"`
	Team        string    `json:"team,omitempty"`
	TeamName    string    `json:"team_name,omitempty"`
	Unit        string    `json:"unit,omitempty" doc:"list:code"`
	UnitName    string    `json:"unit_name,omitempty"`
	SinceMS     int64     `json:"since_ms" doc:"when it began, as far as that is known"`
	FoundMS     int64     `json:"found_ms" doc:"when it was found here"`
	Count       uint64    `json:"count" doc:"changes that it is about"`
	What        BothTexts `json:"what"`
	Next        BothTexts `json:"next" doc:"what to do"`
	DismissedMS int64     `json:"dismissed_ms,omitempty"`
	By          string    `json:"dismissed_by,omitempty"`
	Reason      string    `json:"reason,omitempty"`
}

// HealthList is a page of findings.
type HealthList struct {
	Items   []HealthFinding `json:"items"`
	Counts  map[string]int  `json:"counts" doc:"findings that stand in the units, by kind"`
	Devices int             `json:"devices" doc:"phones and points in the units"`
	Next    string          `json:"next,omitempty" doc:"cursor of the next page; absent at the end"`
	MadeMS  int64           `json:"made_at_ms"`
}

// HealthCustody says where changes of a device were last seen.
type HealthCustody struct {
	Where   string `json:"where" enum:"phone,point,centre"`
	Point   string `json:"point,omitempty"`
	Label   string `json:"label,omitempty"`
	Changes uint64 `json:"changes"`
	SinceMS int64  `json:"since_ms"`
}

// HealthDevice is all that is known of one device.
type HealthDevice struct {
	Origin   string          `json:"origin"`
	Role     string          `json:"role"`
	Label    string          `json:"label"`
	Team     string          `json:"team,omitempty"`
	TeamName string          `json:"team_name,omitempty"`
	Unit     string          `json:"unit,omitempty"`
	UnitName string          `json:"unit_name,omitempty"`
	Retired  bool            `json:"retired" doc:"revoked or given up"`
	HeardMS  int64           `json:"heard_ms" doc:"0 for never"`
	Via      string          `json:"via,omitempty" doc:"point that told of the last contact"`
	Waiting  int             `json:"waiting" doc:"changes that it still had to send then"`
	OffsetMS int64           `json:"clock_offset_ms"`
	Clock    *BothTexts      `json:"clock,omitempty" doc:"absent if its clock is right"`
	Custody  []HealthCustody `json:"custody"`
	Findings []HealthFinding `json:"findings"`
}

// unitsFor gives the units that a caller may see where he asked for one: all of
// his own if he named none, and CodeScope for one that is not his. Nil stands for
// everything.
func (s *Server) unitsFor(ctx context.Context, asked string) ([]string, error) {
	c, ok := CallerOf(ctx)
	switch {
	case !ok:
		return nil, errSignIn
	case c.Role == accounts.Officer && asked == "":
		return append([]string{}, c.Units...), nil
	case c.Role == accounts.Officer && !s.opts.Access.Within(asked, c.Units):
		return nil, errHidden
	case asked == "":
		return nil, nil
	}
	return []string{asked}, nil
}

type healthInput struct {
	Unit      string    `query:"unit" maxLength:"128" doc:"only this unit and what lies in it, list:code"`
	Kind      string    `query:"kind" maxLength:"32"`
	Origin    uuid.UUID `query:"origin" doc:"only of this device"`
	Dismissed bool      `query:"dismissed" doc:"also what was dismissed"`
	After     string    `query:"cursor" maxLength:"256" doc:"next of the page before"`
	Limit     int       `query:"limit" minimum:"1" maximum:"1000" default:"200"`
}

type healthOutput struct{ Body HealthList }

type healthDeviceInput struct {
	ID   uuid.UUID `path:"id" doc:"origin of the device"`
	Unit string    `query:"unit" maxLength:"128"`
}

type healthDeviceOutput struct{ Body HealthDevice }

type findingInput struct {
	Unit string `query:"unit" maxLength:"128" doc:"only if it lies in this unit, list:code"`
	Body struct {
		Key    string `json:"key,omitempty" maxLength:"256"`
		Reason string `json:"reason,omitempty" maxLength:"2000" doc:"why it is put aside"`
	}
}

const healthPath = "/v1/health"

func (s *Server) registerHealth() {
	h := s.opts.Health
	op := func(id, method, path, summary, more string) huma.Operation {
		return declare(huma.Operation{
			OperationID: id, Method: method, Path: healthPath + path, Tags: []string{"health"}, Summary: summary, Description: more,
		})
	}
	huma.Register(s.api, op("health", http.MethodGet, "", "What is wrong on the way from phones to the centre",
		"Missing numbers, work kept apart, quiet phones, backlogs, wrong clocks, copies; an officer sees the units of the account."),
		func(ctx context.Context, in *healthInput) (*healthOutput, error) {
			units, err := s.unitsFor(ctx, in.Unit)
			if err != nil {
				return nil, s.hide(ctx, err)
			}
			l, err := h.Health(ctx, HealthQuery{Units: units, Kind: in.Kind, Origin: in.Origin, Dismissed: in.Dismissed, After: in.After, Limit: in.Limit})
			return answerOr(s, ctx, &healthOutput{l}, err)
		})
	huma.Register(s.api, op("health-device", http.MethodGet, "/devices/{id}", "One device: where its changes are, and what is wrong", ""),
		func(ctx context.Context, in *healthDeviceInput) (*healthDeviceOutput, error) {
			units, err := s.unitsFor(ctx, in.Unit)
			if err != nil {
				return nil, s.hide(ctx, err)
			}
			d, err := h.HealthOf(ctx, in.ID, units)
			return answerOr(s, ctx, &healthDeviceOutput{d}, err)
		})
	huma.Register(s.api, op("finding-dismiss", http.MethodPost, "/dismiss", "Put a finding aside with a reason, as long as it stands", ""),
		func(ctx context.Context, in *findingInput) (*empty, error) {
			units, err := s.unitsFor(ctx, in.Unit)
			if err != nil {
				return nil, s.hide(ctx, err)
			}
			return answerOr(s, ctx, &empty{}, h.DismissFinding(ctx, in.Body.Key, units, actorOf(ctx), in.Body.Reason))
		})
	huma.Register(s.api, op("finding-undo", http.MethodPost, "/undo", "Have a dismissed finding stand again", ""),
		func(ctx context.Context, in *findingInput) (*empty, error) {
			units, err := s.unitsFor(ctx, in.Unit)
			if err != nil {
				return nil, s.hide(ctx, err)
			}
			return answerOr(s, ctx, &empty{}, h.UndoFinding(ctx, in.Body.Key, units, actorOf(ctx)))
		})
}
