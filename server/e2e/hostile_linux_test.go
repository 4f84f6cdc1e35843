package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"thonsync/server"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// memoryBound is what a server may take at its worst, in octets.
const memoryBound = 256 << 20

// TestHostileClients attacks a point, as a process, with 5,000 clients that
// announce a megabyte and fall silent, with bodies of a gigabyte in both forms,
// and with a valid phone whose segments swell. An honest phone's records get
// through meanwhile, and the point's memory stays in bounds.
func TestHostileClients(t *testing.T) {
	silent, bombs := 5000, 24
	if raceDetector || testing.Short() {
		silent, bombs = 200, 4
	}
	k := newKillWorld(t)
	r := newRogue(t, k)
	var attack sync.WaitGroup
	release := hold(t, k.pointAt, silent)
	defer release()
	for _, chunked := range []bool{false, true} {
		attack.Go(func() { pourGigabyte(k.pointAt, chunked) })
	}
	attack.Go(func() { r.swell(bombs) })
	k.awaitReceived(t, 20)
	attack.Wait()
	k.awaitReceived(t, 20)
	for name, p := range map[string]*process{"point": k.point, "centre": k.centre} {
		peak := peakMemory(t, p)
		t.Logf("%s: %d MB at its worst", name, peak>>20)
		if peak > memoryBound && !raceDetector {
			t.Errorf("%s took %d MB, over %d MB", name, peak>>20, memoryBound>>20)
		}
	}
	if r.taken == 0 {
		t.Error("no bomb went off: the attack proves nothing")
	}
}

// hold opens connections from many addresses, says a head and one octet on each,
// and keeps them until the result is called.
func hold(t *testing.T, at string, n int) func() {
	t.Helper()
	var all []net.Conn
	for i := range n {
		from := &net.TCPAddr{IP: net.IPv4(127, 1, byte(i/100/250), byte(1+i/100%250))}
		c, err := (&net.Dialer{LocalAddr: from}).DialContext(t.Context(), "tcp", at)
		if err != nil {
			t.Fatalf("silent client %d: %v", i, err)
		}
		fmt.Fprintf(c, "POST /v1/exchange HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n%s", make([]byte, 9000))
		all = append(all, c)
	}
	return func() {
		for _, c := range all {
			_ = c.Close() // most were cut by the server
		}
	}
}

// pourGigabyte writes until the server has had enough.
func pourGigabyte(at string, chunked bool) {
	c, err := net.Dial("tcp", at)
	if err != nil {
		return
	}
	defer c.Close()
	part := make([]byte, 1<<20)
	head, between := "Content-Length: 1073741824", ""
	if chunked {
		head, between = "Transfer-Encoding: chunked", "100000\r\n"
	}
	fmt.Fprintf(c, "POST /v1/exchange HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", head)
	for range 1024 {
		if chunked {
			if _, err := io.WriteString(c, between); err != nil {
				return
			}
		}
		if _, err := c.Write(part); err != nil {
			return
		}
		if chunked {
			if _, err := io.WriteString(c, "\r\n"); err != nil {
				return
			}
		}
	}
}

// awaitReceived waits until the honest phone has n more receipts of the centre.
func (k *killWorld) awaitReceived(t *testing.T, n int) {
	t.Helper()
	late := time.After(2 * time.Minute) // ends a failing test only
	for n > 0 {
		select {
		case line, ok := <-k.phone.lines:
			if !ok {
				t.Fatal("the honest phone ended")
			}
			if strings.HasPrefix(line, "received ") {
				n--
			}
		case <-late:
			t.Fatalf("the honest phone still waits for %d receipts", n)
		}
	}
}

// peakMemory reads the largest resident size that a process had.
func peakMemory(t *testing.T, p *process) int {
	t.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		var kb int
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kb); n == 1 {
			return kb << 10
		}
	}
	t.Fatal("no VmHWM in the process's status")
	return 0
}

func newRogue(t *testing.T, k *killWorld) *rogue {
	t.Helper()
	code, err := server.CodeNew.Run(t.Context(), k.pointConfig, server.Options{}, server.CodeRequest{Role: credential.RolePhone, Team: k.team, Host: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	return joinRogue(t, "http://"+k.pointAt, code.Code, k.team)
}

// swell sends exchanges full of segments that are some hundred octets on the
// wire and half a megabyte unpacked, from several connections at once.
func (r *rogue) swell(n int) {
	segments := r.bombs(40)
	var mu sync.Mutex
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			_, err := r.exchange(&syncproto.Request{Segments: segments})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				r.taken++
			}
		})
	}
	all.Wait()
}

// bombs makes segments of changes with the longest notes there may be.
func (r *rogue) bombs(n int) [][]byte {
	seal, err := syncproto.NewSealPublic(r.notice.Seal.Key)
	if err != nil {
		r.t.Error(err)
		return nil
	}
	at := syncproto.Genesis(r.origin())
	var out [][]byte
	note := strings.Repeat("a", syncproto.MaxValueBytes-1)
	for range n {
		var changes []syncproto.Change
		for range 25 {
			changes = append(changes, syncproto.Change{
				Origin: r.origin(), Seq: at.Seq + uint64(len(changes)) + 1,
				Header: syncproto.Header{Op: syncproto.OpCreate, Collection: syncproto.CollectionActivity, Schema: syncproto.Schema, StampMS: 1},
				Operational: syncproto.NewRow(
					syncproto.Field{Num: syncproto.ActivityTeam, Value: syncproto.UUIDValue(r.team)},
					syncproto.Field{Num: syncproto.FirstKindField, Value: syncproto.TextValue(note)},
				),
				Personal: syncproto.NewRow(syncproto.Field{Num: syncproto.PersonNote, Value: syncproto.TextValue(note)}),
			})
		}
		seg, err := syncproto.EncodeSegment(syncproto.SegmentInput{
			Origin: r.origin(), Before: at, Changes: changes, Key: r.key, To: seal,
			Salts: []syncproto.SaltRun{{Count: len(changes), Secret: &syncproto.SaltSecret{1}}},
		})
		if err != nil {
			r.t.Error(err)
			return nil
		}
		out, at = append(out, seg.Encode()), seg.After
	}
	return out
}
