package answer

import (
	"context"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// join answers a request to be taken in. It is signed by the new device's own
// key, which proves only that the device holds it; the code proves the rest.
func (s *Service) join(ctx context.Context, o *syncproto.Opened) (*syncproto.Answer, error) {
	if err := o.VerifySender(o.Join.Key); err != nil {
		return nil, err
	}
	if s.cfg.Codes == nil || s.cfg.Welcome == nil {
		return nil, errSpent
	}
	if err := s.mayJoin(ctx, o); err != nil {
		s.refused(ctx, o, err)
		return nil, err
	}
	k, err := s.cfg.Codes.claim(o.Join, s.cfg.Trust.Public())
	if err != nil {
		s.refused(ctx, o, err)
		return nil, err
	}
	welcome, err := s.issue(ctx, k)
	if err != nil {
		return nil, err
	}
	seal, _, err := s.cfg.Seal()
	if err != nil {
		return nil, err
	}
	return &syncproto.Answer{
		NowMS: s.cfg.Now().UnixMilli(), Beacon: s.cfg.Ingest.Beacon(), SealKey: seal.Key,
		Welcome: welcome, More: welcome == nil, JoinNonce: s.cfg.Codes.nonceOf(k),
	}, nil
}

// mayJoin turns a revoked key away, before a code is spent on it.
func (s *Service) mayJoin(ctx context.Context, o *syncproto.Opened) error {
	return s.cfg.Store.View(ctx, func(r store.Reader) error {
		bar, err := s.cfg.Ingest.Barred(r, syncproto.OriginOf(o.Join.Key), nil)
		if err == nil && bar.Closed() {
			err = syncproto.Errorf(syncproto.CodeCredential, "this device was revoked: it joins anew under a new key, and keeps what it has recorded")
		}
		return err
	})
}

// nonceOf gives this server's part of the digits of a claimed code.
func (c *Codes) nonceOf(k *code) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return k.nonce
}

// issue makes the device once; repeats get the same welcome. It gives nil while
// an officer has yet to confirm.
func (s *Service) issue(ctx context.Context, k *code) (*syncproto.Welcome, error) {
	k.issue.Lock()
	defer k.issue.Unlock()
	c := s.cfg.Codes
	c.mu.Lock()
	welcome, allowed, d := k.welcome, k.allowed, NewDevice{CodeSpec: k.spec, Key: k.key, Label: k.label}
	c.mu.Unlock()
	if welcome != nil || !allowed {
		return welcome, nil
	}
	welcome, err := s.cfg.Welcome(ctx, d)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k.welcome = welcome
	c.announce()
	return welcome, nil
}
