package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/httptransport"
	"thonsync/server"
	"thonsync/server/config"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
	"thonsync/testdata/fieldwork"
	"thonsync/testdata/province"
)

// The size of the market day.
const (
	communes           = 3
	villagesPerCommune = 6
	phonesPerCommune   = 12
)

// cable is a transport that can be unplugged.
type cable struct {
	clientlib.Transport
	cut atomic.Bool
}

var errUnplugged = errors.New("no network here")

func (c *cable) check() error {
	if c.cut.Load() {
		return syncproto.Wrap(syncproto.CodeUpstream, errUnplugged, "the next server cannot be reached: work stays safe here")
	}
	return nil
}

// Exchange fails while the cable is out.
func (c *cable) Exchange(ctx context.Context, url string, body []byte) (clientlib.Reply, error) {
	if err := c.check(); err != nil {
		return clientlib.Reply{}, err
	}
	return c.Transport.Exchange(ctx, url, body)
}

// Keys fails while the cable is out.
func (c *cable) Keys(ctx context.Context, url string) ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	return c.Transport.Keys(ctx, url)
}

// site is a running point or the centre.
type site struct {
	name  string
	unit  string // a point's commune
	cfg   config.Config
	node  *server.Node
	url   string
	cable *cable
	stop  func() error
}

// clock is a phone's clock, which may be wrong.
type clock struct{ offset time.Duration }

// NowMS gives the phone's idea of now.
func (c clock) NowMS() int64 { return time.Now().Add(c.offset).UnixMilli() }

// phone is a device with its own database.
type phone struct {
	name    string
	opts    clientlib.Options
	dev     *clientlib.Device
	at      *site // the point it meets on market day
	index   int   // in Province.Phones
	team    uuid.UUID
	village string
	people  []uuid.UUID
	cable   *cable
	records map[int]uuid.UUID // by Activity.Index
	made    []uuid.UUID
	stream  *province.ActivityGen
}

// stage is everything that plays.
type stage struct {
	dir     string
	seed    uint64
	rng     *rand.Rand
	log     *slog.Logger
	reports reports
	prov    *province.Province
	centre  *site
	points  []*site
	phones  []*phone
	cast    cast
}

// cast names the phones with a part of their own.
type cast struct {
	killed  *phone
	carried *phone // never meets a network
	carrier *phone
	year    *phone    // clock in 2099
	editors [2]*phone // edit the same record; one is year
	late    *phone    // of the point that is cut off, whose morning is lost on the way
}

// open starts a site on a free loopback port. change sets what differs from the
// built-in settings; invite is a joining URI for points.
func (s *stage) open(ctx context.Context, name string, change func(*config.Config), invite string) (*site, error) {
	cfg, err := config.Default()
	if err != nil {
		return nil, err
	}
	public, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	admin, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, public.Close())
	}
	cfg.Data, cfg.Listen = filepath.Join(s.dir, name), public.Addr().String()
	cfg.DrainTimeout = 2 * time.Second
	cfg.SecondFactor = "none" // whoever looks at a demo has no phone to set up
	if change != nil {
		change(&cfg)
	}
	st := &site{name: name, cfg: cfg, url: "http://" + cfg.Listen, cable: &cable{Transport: httptransport.New(0)}}
	opts := s.reports.options(s.log, st.cable)
	if invite != "" {
		if err := server.JoinUpstream(ctx, cfg, opts, invite, name); err != nil {
			return nil, errors.Join(err, public.Close(), admin.Close())
		}
	}
	if st.node, err = server.Open(ctx, cfg, opts); err != nil {
		return nil, errors.Join(err, public.Close(), admin.Close())
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- st.node.Serve(run, server.Listeners{Public: public, Admin: admin}) }()
	st.stop = func() error {
		cancel()
		return errors.Join(<-done, st.node.Close())
	}
	return st, nil
}

// openServers starts the centre, imports the reference data and has the points
// join.
func (s *stage) openServers(ctx context.Context) (err error) {
	s.centre, err = s.open(ctx, "centre", func(c *config.Config) {
		c.BackupFolder = filepath.Join(s.dir, "backups")
		c.BackupEvery = 0
	}, "")
	if err != nil {
		return err
	}
	files := filepath.Join(s.dir, "import")
	if err := os.MkdirAll(files, 0o700); err != nil {
		return err
	}
	if err := fieldwork.WriteFiles(files, s.prov); err != nil {
		return err
	}
	if err := importFiles(ctx, s.centre.node, files); err != nil {
		return err
	}
	for i, commune := range s.communes() {
		code, err := s.centre.node.NewCode(ctx, server.CodeRequest{Role: credential.RolePoint, Units: []string{commune}})
		if err != nil {
			return err
		}
		p, err := s.open(ctx, fmt.Sprintf("point-%d", i+1), func(c *config.Config) { c.Upstream = s.centre.url }, code.URI)
		if err != nil {
			return err
		}
		p.unit = commune
		s.points = append(s.points, p)
		if err := p.node.Relay().Sync(ctx); err != nil {
			return err
		}
	}
	return nil
}

// communes lists the communes of the province's villages, in order.
func (s *stage) communes() []string {
	var out []string
	seen := map[string]bool{}
	for _, t := range s.prov.Teams {
		if key := fieldwork.UnitKey(t.Commune); !seen[key] {
			seen[key] = true
			out = append(out, key)
		}
	}
	return out
}

// openPhones opens the phones and joins each at its commune's point.
func (s *stage) openPhones(ctx context.Context) error {
	teams, err := s.teamRecords(ctx)
	if err != nil {
		return err
	}
	count := map[string]int{}
	for i := range s.prov.Phones {
		team := s.prov.Teams[s.prov.Phones[i].Team]
		commune := fieldwork.UnitKey(team.Commune)
		if count[commune] == phonesPerCommune {
			continue
		}
		count[commune]++
		for _, p := range s.points {
			if p.unit == commune {
				village := fieldwork.UnitKey(team.Village)
				if err := s.openPhone(ctx, i, p, teams[village], village); err != nil {
					return err
				}
			}
		}
	}
	return s.choose()
}

// teamRecords gives the record ids of the teams by village.
func (s *stage) teamRecords(ctx context.Context) (map[string]uuid.UUID, error) {
	out := map[string]uuid.UUID{}
	err := s.centre.node.Store().View(ctx, func(r store.Reader) error {
		q := store.RecordQuery{Collection: syncproto.CollectionTeam, ExistsOnly: true, WithoutHistory: true}
		return r.EachRecord(q, func(rec store.Record) error {
			out[rec.Unit] = rec.ID
			return nil
		})
	})
	return out, err
}

func (s *stage) openPhone(ctx context.Context, index int, at *site, team uuid.UUID, village string) error {
	p := &phone{
		name: fmt.Sprintf("phone-%02d", len(s.phones)+1), at: at, index: index, team: team, village: village,
		cable: &cable{Transport: httptransport.New(0)}, records: map[int]uuid.UUID{},
		stream: province.NewActivityGen(s.prov, s.seed+uint64(index), time.Now().AddDate(0, 0, -20)),
	}
	p.opts = clientlib.Options{Path: filepath.Join(s.dir, p.name, "field.db"), Transport: p.cable, Clock: clock{}}
	if err := os.MkdirAll(filepath.Dir(p.opts.Path), 0o700); err != nil {
		return err
	}
	s.phones = append(s.phones, p)
	var err error
	if p.dev, err = clientlib.Open(ctx, p.opts); err != nil {
		return err
	}
	code, err := at.node.NewCode(ctx, server.CodeRequest{Role: credential.RolePhone, Team: team})
	if err != nil {
		return err
	}
	joined, err := p.dev.Join(ctx, code.URI, p.name)
	if err != nil {
		return err
	}
	for _, m := range joined.Welcome.Members {
		p.people = append(p.people, m.ID)
	}
	_, err = p.dev.Sync(ctx)
	return err
}

// choose gives the parts. Two phones of one team play the editors.
func (s *stage) choose() error {
	byTeam := map[uuid.UUID]*phone{}
	for _, p := range s.phones {
		if q := byTeam[p.team]; q != nil && p.at == s.points[0] && s.cast.year == nil {
			s.cast.editors = [2]*phone{q, p}
			s.cast.year = p
		}
		byTeam[p.team] = p
	}
	if s.cast.year == nil {
		return errors.New("no team of the first commune has two phones: take another seed")
	}
	for _, p := range s.phones {
		switch {
		case p == s.cast.editors[0] || p == s.cast.editors[1]:
		case p.at == s.points[0] && s.cast.killed == nil:
			s.cast.killed = p
		case p.at == s.points[1] && s.cast.carried == nil:
			s.cast.carried = p
		case p.at == s.points[1] && s.cast.carrier == nil:
			s.cast.carrier = p
		case p.at == s.points[2] && s.cast.late == nil:
			s.cast.late = p
		}
	}
	return nil
}

// setClock reopens a phone with another clock.
func (p *phone) setClock(ctx context.Context, offset time.Duration) error {
	p.opts.Clock = clock{offset}
	return p.reopen(ctx)
}

func (p *phone) reopen(ctx context.Context) error {
	if p.dev != nil {
		if err := p.dev.Close(); err != nil {
			return err
		}
	}
	var err error
	p.dev, err = clientlib.Open(ctx, p.opts)
	return err
}

// close ends everything that was started.
func (s *stage) close() error {
	var errs []error
	for _, p := range s.phones {
		if p.dev != nil {
			errs = append(errs, p.dev.Close())
		}
	}
	for _, st := range append(s.points, s.centre) {
		if st != nil {
			errs = append(errs, st.stop())
		}
	}
	return errors.Join(errs...)
}
