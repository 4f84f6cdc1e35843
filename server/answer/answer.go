// Package answer takes one exchange request apart and builds its answer:
// identify the asker, take in what it brings, collect what it may have within
// its budget. It knows no transport.
package answer

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"thonsync/server/audit"
	"thonsync/server/ingest"
	"thonsync/server/keys"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// Ingester is what the answerer needs of the ingest.
type Ingester interface {
	Submit(ctx context.Context, b ingest.Batch) (ingest.Result, error)
	Beacon() syncproto.BeaconMark
	Definitions() *ingest.Definitions
	// Barred tells why a device is not served; see ingest.Service.
	Barred(r store.Reader, id syncproto.OriginID, chain []string) (ingest.Bar, error)
}

// Config is what a Service needs. Fields without a default are required.
type Config struct {
	Store  store.Store
	Ingest Ingester
	Role   credential.Role // centre or point
	Trust  *keys.Trust
	// Credentials and Units are the server's own chain and scope; nil at the
	// centre.
	Credentials []string
	Units       []string
	// Exchange gives the present exchange key for a notice with that line of the
	// centre's keys and that sealing key.
	Exchange func(centre *syncproto.Centre, seal []byte) (keys.Exchange, error)
	// Seal gives the statement about the centre's sealing key that is newest under
	// that line.
	Seal func() (syncproto.SealStatement, *syncproto.Centre, error)
	// Epoch names this history of the receipts log; it changes when the store
	// is restored.
	Epoch func() syncproto.Epoch
	Codes *Codes // nil: nobody can join
	// Quotas bound what one device may bring in, by its role.
	Quotas map[credential.Role]Quota
	// Welcome makes a device out of an accepted join.
	Welcome func(ctx context.Context, d NewDevice) (*syncproto.Welcome, error)
	// Foreign is told who asks for origins that are not his or not there; nil for
	// nobody.
	Foreign audit.Writer
	Log     *slog.Logger
	Now     func() time.Time // time.Now by default
	Random  io.Reader        // crypto/rand by default
}

// Service answers exchanges. It is safe for concurrent use.
type Service struct {
	cfg      Config
	contacts contacts
	quotas   quotas

	mu     sync.Mutex
	notice []byte // encoded
	serial uint64
}

// New makes a service.
func New(cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{cfg: cfg, quotas: quotas{of: cfg.Quotas}}
}

// Keys gives the encoded key notice.
func (s *Service) Keys(context.Context) ([]byte, error) {
	p, err := s.present()
	return p.notice, err
}

// present is what exchanges are protected with at one moment.
type present struct {
	exchange keys.Exchange
	sign     ed25519.PrivateKey
	notice   []byte
}

func (s *Service) present() (p present, err error) {
	seal, centre, err := s.cfg.Seal()
	if err != nil {
		return p, err
	}
	p.sign = s.cfg.Trust.Key()
	if p.exchange, err = s.cfg.Exchange(centre, seal.Key); err != nil {
		return p, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.notice == nil || s.serial != p.exchange.Serial {
		n := syncproto.KeyNotice{
			Sign:     p.sign.Public().(ed25519.PublicKey),
			Exchange: p.exchange.Key.Public.Bytes(), Serial: p.exchange.Serial,
			Seal: seal, Centre: centre, Credentials: s.cfg.Credentials,
		}
		n.SignWith(p.sign)
		s.notice, s.serial = n.Encode(), p.exchange.Serial
	}
	p.notice = s.notice
	return p, nil
}

// Exchange answers one encoded request. With CodeOldKey the answer is the key
// notice; with any other error it is nil and nothing was taken.
func (s *Service) Exchange(ctx context.Context, request []byte) ([]byte, error) {
	p, err := s.present()
	if err != nil {
		return nil, err
	}
	opened, err := syncproto.OpenRequest(request, func(id syncproto.KeyID) (syncproto.SealPrivate, bool) {
		return p.exchange.Key, id == p.exchange.Key.Public.ID
	})
	if errors.Is(err, &syncproto.Error{Code: syncproto.CodeOldKey}) {
		return p.notice, err
	}
	if err != nil {
		return nil, err
	}
	a, err := s.answer(ctx, opened, len(request))
	if err != nil {
		return nil, err
	}
	return opened.EncodeAnswer(a, p.sign, s.cfg.Random)
}

func (s *Service) answer(ctx context.Context, o *syncproto.Opened, size int) (*syncproto.Answer, error) {
	if o.Join != nil {
		return s.join(ctx, o)
	}
	asker, err := s.identify(ctx, o)
	if err != nil {
		s.refused(ctx, o, err)
		return nil, err
	}
	if err := s.load(ctx, asker); err != nil {
		return nil, err
	}
	leave, err := s.quotas.admit(asker, size, s.cfg.Now())
	if err != nil {
		s.refused(ctx, o, err)
		return nil, err
	}
	var result ingest.Result
	defer func() {
		leave(result.Octets + costChange*(result.New+result.Repeats) + costProblem*len(result.Problems))
	}()
	result, err = s.take(ctx, asker, o)
	if err != nil {
		return nil, err
	}
	s.contacts.add(store.Contact{
		Origin: o.Origin, AtMS: s.cfg.Now().UnixMilli(), Waiting: o.Waiting, ClockOffsetMS: s.clockOffset(o.ClockMS),
	}, s.receiptsRead(o))
	s.passedOn(ctx, asker, o)
	ask := &syncproto.Ask{Origin: o.Origin, Heads: o.Heads, Checkpoints: o.Checkpoints}
	return s.collect(ctx, asker, ask, o.Budget, result)
}

// noteForeign writes down that an asker named origins that are not his or not
// there: which of the two is told apart nowhere, so neither is it here.
func (s *Service) noteForeign(ctx context.Context, a *asker, foreign []syncproto.OriginID) {
	if len(foreign) == 0 || s.cfg.Foreign == nil {
		return
	}
	e := audit.Event{Actor: audit.Actor(a.Device), Action: audit.Foreign, Object: foreign[0].String(), Result: audit.Refused, Count: len(foreign)}
	if err := s.cfg.Foreign.Note(ctx, e); err != nil {
		s.cfg.Log.ErrorContext(ctx, "a request for foreign origins could not be written down", "code", syncproto.CodeOf(err), "error", err)
	}
}

// refused leaves a trace of who was turned away. Origins are no personal data.
func (s *Service) refused(ctx context.Context, o *syncproto.Opened, err error) {
	s.cfg.Log.WarnContext(ctx, "exchange refused", "origin", o.Origin, "code", syncproto.CodeOf(err), "error", err)
	s.contacts.refuse(syncproto.CodeOf(err))
}

func (s *Service) clockOffset(askerMS int64) int64 { return askerMS - s.cfg.Now().UnixMilli() }

// take hands the ingest what the asker brings. An exchange that brings nothing
// costs no write.
func (s *Service) take(ctx context.Context, a *asker, o *syncproto.Opened) (ingest.Result, error) {
	if len(o.Segments)+len(o.Receipts)+len(o.Extra) == 0 && a.known {
		return ingest.Result{}, nil
	}
	own := syncproto.OriginCredential{Origin: o.Origin, Credentials: o.Credentials}
	return s.cfg.Ingest.Submit(ctx, ingest.Batch{
		Via: o.Origin, Segments: o.Segments, Receipts: o.Receipts,
		Credentials: append([]syncproto.OriginCredential{own}, o.Extra...),
	})
}
