package e2e

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"thonsync/clientlib"
	"thonsync/syncproto"
)

// scissors is a TCP proxy that cuts all connections after a number of bytes of
// one direction.
type scissors struct {
	ln     net.Listener
	target string

	mu    sync.Mutex
	up    int // bytes that may still go up, -1 for all
	down  int
	cut   bool
	conns map[net.Conn]bool
}

func newScissors(t *testing.T, target string) *scissors {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &scissors{ln: ln, target: target, up: -1, down: -1, conns: map[net.Conn]bool{}}
	t.Cleanup(func() {
		_ = ln.Close()
		s.drop()
	})
	go s.accept()
	return s
}

func (s *scissors) url() string { return "http://" + s.ln.Addr().String() }

// arm sets where to cut from now on and forgets old connections.
func (s *scissors) arm(up, down int) {
	s.drop()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.up, s.down, s.cut = up, down, false
}

func (s *scissors) didCut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cut
}

func (s *scissors) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
	clear(s.conns)
}

func (s *scissors) accept() {
	for {
		in, err := s.ln.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", s.target)
		if err != nil {
			_ = in.Close()
			continue
		}
		s.mu.Lock()
		s.conns[in], s.conns[out] = true, true
		s.mu.Unlock()
		go s.pump(out, in, &s.up)
		go s.pump(in, out, &s.down)
	}
}

// pump copies byte by byte as far as left allows.
func (s *scissors) pump(to, from net.Conn, left *int) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		s.mu.Lock()
		cut := *left >= 0 && n > *left
		if cut {
			n = *left
			s.cut = true
		}
		if *left >= 0 {
			*left -= n
		}
		s.mu.Unlock()
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				cut = true
			}
		}
		if cut {
			s.drop()
			return
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				if c, ok := to.(*net.TCPConn); ok {
					_ = c.CloseWrite()
				}
			} else {
				_ = to.Close()
			}
			return
		}
	}
}

// TestCutAtEveryByte cuts the exchange of one new record after every single
// byte, first of what goes up, then of what comes down, at the centre and at a
// point. After each cut the next exchange must finish the work: nothing that
// was acknowledged is lost and nothing is doubled.
func TestCutAtEveryByte(t *testing.T) {
	w := newWorld(t)
	for name, at := range map[string]*site{"centre": w.centre, "point": w.point()} {
		t.Run(name, func(t *testing.T) {
			d := w.phone(at, 7)
			s := newScissors(t, at.addr)
			w.must(d.SetServers(t.Context(), []string{s.url()}))
			d.sync()
			// Every byte at the centre; a point runs the same code. Under the race
			// detector all this takes ten times as long, so make check runs this
			// test once more without it.
			step := 1
			if raceDetector || testing.Short() || name == "point" {
				step = 37
			}
			for _, up := range []bool{true, false} {
				cuts := 0
				for n := 0; ; n += step {
					d.work(1)
					if up {
						s.arm(n, -1)
					} else {
						s.arm(-1, n)
					}
					_, err := d.Sync(t.Context())
					if err != nil && !s.didCut() { // on a connection that arm had closed
						_, err = d.Sync(t.Context())
					}
					if !s.didCut() {
						w.must(err)
						break
					}
					cuts++
					if err == nil {
						// The cut hit a round after the one that mattered.
						continue
					}
					s.arm(-1, -1)
					if _, err := d.Sync(t.Context()); err != nil && syncproto.CodeOf(err) != syncproto.CodeUpstream {
						t.Fatalf("cut %d: %v", n, err)
					}
					if cuts%64 != 0 {
						continue // counting all records after every cut would take longest
					}
					if sum := d.stages(); name == "centre" && sum[clientlib.StageAtCentre] > len(w.activities()) {
						t.Fatalf("cut %d: the phone believes %d records received, the centre has %d", n, sum[clientlib.StageAtCentre], len(w.activities()))
					}
				}
				t.Logf("%d cuts, up %v", cuts, up)
				if cuts < 100/step {
					t.Errorf("only %d cuts: the test does not cut", cuts)
				}
			}
			s.arm(-1, -1)
			// arm has closed a connection that the phone may still try first.
			if _, err := d.Sync(t.Context()); err != nil && syncproto.CodeOf(err) != syncproto.CodeUpstream {
				t.Fatal(err)
			}
			d.sync()
			if name == "point" {
				w.must(at.node.Relay().Sync(t.Context()))
				d.sync()
			}
			have := w.activities()
			for _, id := range d.made {
				if !have[id] {
					t.Errorf("record %s is lost", id)
				}
			}
			if sum := d.stages(); sum[clientlib.StageAtCentre] != len(d.made) {
				t.Errorf("%v of %d records received", sum, len(d.made))
			}
		})
	}
	w.checkLedger(w.centre.node.Store())
}
