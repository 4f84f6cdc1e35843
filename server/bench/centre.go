package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"thonsync/clientlib"
	"thonsync/server"
	"thonsync/server/config"
	"thonsync/server/imports"
	"thonsync/server/ingest"
	"thonsync/server/keys"
	"thonsync/server/store/sqlitestore"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
	"thonsync/testdata/fieldwork"
	"thonsync/testdata/province"
)

// reference makes a centre's data folder with the province's reference data.
func reference(ctx context.Context, dir string, p *province.Province) (*server.Node, error) {
	cfg, err := config.Default()
	if err != nil {
		return nil, err
	}
	cfg.Data = filepath.Join(dir, "centre")
	n, err := server.Open(ctx, cfg, server.Options{})
	if err != nil {
		return nil, err
	}
	files := filepath.Join(dir, "files")
	if err := os.MkdirAll(files, 0o700); err != nil {
		return nil, err
	}
	if err := fieldwork.WriteFiles(files, p); err != nil {
		return nil, err
	}
	for _, what := range imports.All() {
		name := string(what) + ".csv"
		if what == imports.Kinds || what == imports.Guides {
			name = string(what) + ".json"
		}
		b, err := os.ReadFile(filepath.Join(files, name))
		if err != nil {
			return nil, err
		}
		if _, err := imports.Run(ctx, n, what, b, imports.Options{}); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// direct is a transport without a network.
type direct struct{ n *server.Node }

// Exchange calls the node.
func (d direct) Exchange(ctx context.Context, _ string, body []byte) (clientlib.Reply, error) {
	b, err := d.n.Exchange(ctx, body)
	return clientlib.Reply{Answer: b}, err
}

// Keys calls the node.
func (d direct) Keys(ctx context.Context, _ string) ([]byte, error) { return d.n.Keys(ctx) }

// intake is the ingest of a centre whose node is closed, with the keys to play
// its phones.
type intake struct {
	*ingest.Service
	store *sqlitestore.Store
	path  string
	key   ed25519.PrivateKey
	seal  syncproto.SealPublic
}

func openIntake(ctx context.Context, dir string) (*intake, error) {
	data := filepath.Join(dir, "centre")
	folder, err := keys.Open(server.KeysFolder(data), rand.Reader)
	if err != nil {
		return nil, err
	}
	in := &intake{path: filepath.Join(data, "store.db")}
	if in.key, err = folder.Identity(); err != nil {
		return nil, err
	}
	seal, _, err := folder.Seal(time.Now())
	if err != nil {
		return nil, err
	}
	in.seal = seal.Public
	line, err := folder.Line(time.Now())
	if err != nil {
		return nil, err
	}
	c := ingest.Config{Role: credential.RoleCentre, Trust: keys.NewTrust(in.key, line), Keys: folder.SealRing, Queue: 4096}
	if c.DataKey, err = folder.PersonalKey(); err != nil {
		return nil, err
	}
	if c.BeaconSecret, err = folder.BeaconSecret(); err != nil {
		return nil, err
	}
	if in.store, err = sqlitestore.Open(ctx, in.path, sqlitestore.Options{}); err != nil {
		return nil, err
	}
	c.Store = in.store
	in.Service, err = ingest.Open(ctx, c)
	return in, err
}

func (in *intake) close() error {
	if err := in.Service.Close(); err != nil {
		return err
	}
	return in.store.Close()
}

// work is one phone's segment with what it takes to be let in.
type work struct {
	batch   ingest.Batch
	changes int
}

// works makes phones' segments of n changes each.
func (in *intake) works(p *province.Province, phones, n int, seed uint64) ([]work, error) {
	out := make([]work, phones)
	for i := range out {
		rng := mrand.New(mrand.NewPCG(seed, uint64(i)))
		index := i % len(p.Phones)
		b, err := segmentOf(p, index, n, rng, in.seal)
		if err != nil {
			return nil, err
		}
		village := fieldwork.UnitKey(p.Teams[p.Phones[index].Team].Village)
		token, err := credential.Issue(credential.Grant{
			Key: b.in.Key.Public().(ed25519.PublicKey), Role: credential.RolePhone, Units: []string{village}, Issued: time.Now(),
		}, in.key)
		if err != nil {
			return nil, err
		}
		seg, err := syncproto.EncodeSegment(b.in)
		if err != nil {
			return nil, err
		}
		out[i] = work{changes: n, batch: ingest.Batch{
			Via: b.in.Origin, Segments: [][]byte{seg.Encode()},
			Credentials: []syncproto.OriginCredential{{Origin: b.in.Origin, Credentials: []string{token}}},
		}}
	}
	return out, nil
}

// submit takes works in, as many at once as phones would bring, and fails if
// anything was refused.
func (in *intake) submit(ctx context.Context, list []work) error {
	var g errgroup.Group
	g.SetLimit(atOnce)
	for _, w := range list {
		g.Go(func() error {
			res, err := in.Submit(ctx, w.batch)
			if err == nil && len(res.Problems) > 0 {
				err = &syncproto.Error{Code: res.Problems[0].Code, Message: res.Problems[0].Message}
			}
			return err
		})
	}
	return g.Wait()
}

// atOnce is how many phones bring their work at the same time.
const atOnce = 8
