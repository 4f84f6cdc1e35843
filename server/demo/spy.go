package demo

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"net/url"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib/httptransport"
	"thonsync/server"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
	"thonsync/testdata/fieldwork"
)

// spy is a phone with a modified program: it has a village's credential and
// asks the centre for everything that it can name.
type spy struct {
	key   ed25519.PrivateKey
	chain []string
	url   string
	to    syncproto.SealPublic
	sign  ed25519.PublicKey
}

// exchange asks once.
func (p *spy) exchange(ctx context.Context, q *syncproto.Request) (*syncproto.Answer, error) {
	q.ID, q.Origin = uuid.New(), syncproto.OriginOf(p.key.Public().(ed25519.PublicKey))
	q.Credentials, q.Budget, q.ClockMS = p.chain, syncproto.MaxMessageBytes/2, time.Now().UnixMilli()
	body, pending, err := syncproto.EncodeRequest(q, p.key, p.to)
	if err != nil {
		return nil, err
	}
	reply, err := httptransport.New(0).Exchange(ctx, p.url, body)
	if err != nil {
		return nil, err
	}
	return pending.OpenAnswer(reply.Answer, p.sign)
}

// newSpy joins at the centre with a code for the units.
func (s *stage) newSpy(ctx context.Context, units []string, team uuid.UUID) (*spy, error) {
	code, err := s.centre.node.NewCode(ctx, server.CodeRequest{Role: credential.RolePhone, Units: units, Team: team})
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(code.URI)
	if err != nil {
		return nil, err
	}
	raw, err := httptransport.New(0).Keys(ctx, s.centre.url)
	if err != nil {
		return nil, err
	}
	notice, err := syncproto.DecodeKeyNotice(raw)
	if err != nil {
		return nil, err
	}
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	p := &spy{key: key, url: s.centre.url, sign: notice.Sign}
	if p.to, err = syncproto.NewSealPublic(notice.Exchange); err != nil {
		return nil, err
	}
	a, err := p.exchange(ctx, &syncproto.Request{Join: &syncproto.Join{Code: u.Query().Get("code"), Key: pub, Label: "spy"}})
	if err != nil {
		return nil, err
	}
	if a.Welcome == nil {
		return nil, fmt.Errorf("the spy was not let in")
	}
	p.chain = a.Welcome.Credentials
	return p, nil
}

// checkScope lets a spy of one village ask for every commune's feed and for
// every origin's changes.
func checkScope(ctx context.Context, s *stage, d *day) (string, error) {
	home := s.phones[0]
	units := []string{home.village}
	if d.spyEverywhere {
		units = []string{fieldwork.UnitKey(s.prov.Units[0].Ref)}
	}
	p, err := s.newSpy(ctx, units, home.team)
	if err != nil {
		return "", err
	}
	q := &syncproto.Request{}
	for _, c := range s.communes() {
		q.Checkpoints = append(q.Checkpoints, syncproto.Checkpoint{Feed: c})
	}
	mates := map[syncproto.OriginID]bool{}
	for _, x := range s.phones {
		mates[x.dev.Origin()] = x.team == home.team
		q.Heads = append(q.Heads, syncproto.OriginHeads{Origin: x.dev.Origin(), Heads: syncproto.Genesis(x.dev.Origin())})
	}
	asked := len(q.Checkpoints) + len(q.Heads)
	for range 50 {
		a, err := p.exchange(ctx, q)
		if err != nil {
			return "", err
		}
		if err := s.foreign(a, home, mates); err != nil {
			return "", err
		}
		if !a.More {
			return fmt.Sprintf("a modified phone of one village asked for %d foreign things and got none", asked), nil
		}
		q = next(q, a)
	}
	return "", fmt.Errorf("the centre's answers to the spy have no end")
}

// next asks on from where an answer ended.
func next(q *syncproto.Request, a *syncproto.Answer) *syncproto.Request {
	out := &syncproto.Request{Heads: q.Heads, Checkpoints: append([]syncproto.Checkpoint(nil), a.Checkpoints...)}
	at := map[string]syncproto.Checkpoint{}
	for _, c := range append(q.Checkpoints, a.Checkpoints...) {
		at[c.Feed] = c
	}
	for _, b := range a.Pages {
		if c, err := syncproto.PageAfter(b); err == nil {
			at[c.Feed] = c
		}
	}
	out.Checkpoints = out.Checkpoints[:0]
	for _, c := range at {
		out.Checkpoints = append(out.Checkpoints, c)
	}
	for _, b := range a.Segments {
		seg, err := syncproto.ParseSegment(b)
		if err != nil {
			continue
		}
		for i := range out.Heads {
			if out.Heads[i].Origin == seg.Origin && out.Heads[i].Seq < seg.Last() {
				out.Heads[i].Heads = seg.After
			}
		}
	}
	return out
}

// foreign finds what the spy should not have got.
func (s *stage) foreign(a *syncproto.Answer, home *phone, mates map[syncproto.OriginID]bool) error {
	for _, b := range a.Pages {
		c, err := syncproto.PageAfter(b)
		if err != nil {
			return err
		}
		if c.Feed != syncproto.CommonFeed && c.Feed != home.at.unit {
			return brokenf("a phone of one village was given a page of another commune's feed")
		}
	}
	for _, b := range a.Segments {
		seg, err := syncproto.ParseSegment(b)
		if err != nil {
			return err
		}
		if own, known := mates[seg.Origin]; known && !own {
			return brokenf("a phone of one village was given another team's changes")
		}
	}
	for _, h := range a.Heads {
		if own, known := mates[h.Origin]; known && !own && h.Seq > 0 {
			return brokenf("a phone of one village was told how far another team's phone is")
		}
	}
	return nil
}
