package clientlib_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/clienttest"
	"thonsync/syncproto"
)

// locked is a device with one person whose PIN is 4711.
type locked struct {
	t  *testing.T
	w  *clienttest.World
	d  *clientlib.Device
	id uuid.UUID

	point *clienttest.Server
}

func newLocked(t *testing.T) *locked {
	t.Helper()
	l := &locked{t: t, w: clienttest.NewWorld(t, 1), id: uuid.UUID{1}}
	l.point = l.w.Point("point")
	l.d = l.w.Device("a", l.point)
	if err := l.d.AddPerson(context.Background(), l.id, "Hoa Thử"); err != nil {
		t.Fatal(err)
	}
	if err := l.d.SetPIN(context.Background(), l.id, "4711"); err != nil {
		t.Fatal(err)
	}
	return l
}

// try enters a PIN; want is part of what is said, "" for success.
func (l *locked) try(pin, want string) {
	l.t.Helper()
	l.check(l.d.SelectPerson(context.Background(), l.id, pin), want)
}

func (l *locked) check(err error, want string) {
	l.t.Helper()
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		l.t.Fatalf("got %v, want %q", err, want)
	}
}

// reopen is a restart of the program after the machine has been up for a while.
func (l *locked) reopen(up time.Duration) {
	l.t.Helper()
	l.d.Close()
	l.w.SetUptime(up)
	l.d = l.w.Open("a")
}

func (l *locked) wait() time.Duration {
	l.t.Helper()
	people, err := l.d.People(context.Background())
	if err != nil {
		l.t.Fatal(err)
	}
	i := slices.IndexFunc(people, func(p clientlib.Person) bool { return p.ID == l.id })
	return time.Duration(people[i].WaitMS) * time.Millisecond
}

func TestPINAttempts(t *testing.T) {
	l := newLocked(t)
	up := l.w.Uptime()
	for range 5 {
		l.try("0000", "wrong")
	}
	l.try("4711", "too many")
	l.reopen(up + 30*time.Second) // a restart of the program forgets nothing
	l.try("4711", "too many")
	if w := l.wait(); w != 30*time.Second {
		t.Errorf("%v left, want 30 s", w)
	}
	l.w.SetUptime(up + time.Minute)
	l.try("0000", "wrong")
	up = l.w.Uptime()
	l.w.SetUptime(up + 119*time.Second)
	l.try("4711", "too many") // the pause has doubled
	l.w.SetUptime(up + 2*time.Minute)
	l.try("4711", "")
	l.try("0000", "wrong")
	l.try("4711", "") // a right one forgives
}

// Pauses grow up to a bound, and no further.
func TestPausesAreBounded(t *testing.T) {
	l := newLocked(t)
	last := time.Duration(0)
	for range 20 {
		l.try("0000", "wrong")
		last = l.wait()
		l.w.SetUptime(l.w.Uptime() + last)
	}
	if last != 24*time.Hour {
		t.Errorf("the longest pause is %v", last)
	}
	l.try("4711", "")
}

// No wall clock shortens or lengthens a pause, nor does a restart of the
// machine shorten it; and it ends in any case.
func TestPausesDoNotFollowTheWallClock(t *testing.T) {
	l := newLocked(t)
	for range 5 {
		l.try("0000", "wrong")
	}
	for _, ms := range []int64{0, 1 << 50, l.w.Clock.NowMS() + 1} {
		l.w.Clock.Set(ms)
		l.try("4711", "too many")
	}
	// The machine restarts: the pause begins anew, and lasts no longer than that,
	// although the machine had been up for long before.
	l.reopen(time.Second)
	l.try("4711", "too many")
	l.w.SetUptime(59 * time.Second)
	l.try("4711", "too many")
	l.w.SetUptime(time.Minute)
	l.try("4711", "")
}

// A forgotten PIN is reset by what the commune's server answers to the phone's
// challenge, with no line between the two.
func TestPINIsResetByAnAnswer(t *testing.T) {
	ctx := context.Background()
	l := newLocked(t)
	point := l.point
	l.w.Net.Down(point, true)
	l.w.Net.Down(l.w.Centre, true)
	challenge, err := l.d.ChallengePIN(ctx, l.id)
	if err != nil {
		t.Fatal(err)
	}
	if c, device, person, err := syncproto.ParseResetChallenge(challenge); err != nil || c != challenge ||
		device != syncproto.ResetDeviceTag(l.d.Origin()) || person != syncproto.ResetPersonTag(l.d.Origin(), l.id) {
		t.Fatalf("challenge %q: %v", challenge, err)
	}
	key := l.d.PublicKey()
	answer := func(s *clienttest.Server, c string) string {
		t.Helper()
		a, err := s.AnswerReset(key, c)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	stranger := clienttest.NewCentre(77, l.w.Clock)
	l.check(l.d.ResetPIN(ctx, l.id, answer(stranger, challenge), "1234"), "wrong")
	l.check(l.d.ResetPIN(ctx, l.id, answer(point, challenge), "12"), "4 to 8")
	l.check(l.d.ResetPIN(ctx, l.id, answer(point, challenge), "1234"), "")
	l.try("4711", "wrong")
	l.try("1234", "")
	// Once is enough: answer and challenge are spent.
	l.check(l.d.ResetPIN(ctx, l.id, answer(point, challenge), "0000"), "wrong")
	// An answer fits its own challenge only, and the centre's does, too.
	first, err := l.d.ChallengePIN(ctx, l.id)
	if err != nil {
		t.Fatal(err)
	}
	second, err := l.d.ChallengePIN(ctx, l.id)
	if err != nil || first == second {
		t.Fatalf("%q twice, %v", first, err)
	}
	l.check(l.d.ResetPIN(ctx, l.id, answer(point, first), ""), "wrong")
	l.check(l.d.ResetPIN(ctx, l.id, strings.ReplaceAll(answer(l.w.Centre, second), " ", ""), ""), "")
	l.try("", "")
}

// Guessing answers is stopped like guessing PINs.
func TestAnswersAreBounded(t *testing.T) {
	ctx := context.Background()
	l := newLocked(t)
	if _, err := l.d.ChallengePIN(ctx, l.id); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		l.check(l.d.ResetPIN(ctx, l.id, "0000 0000", "1234"), "wrong")
	}
	l.check(l.d.ResetPIN(ctx, l.id, "0000 0000", "1234"), "too many")
	l.try("4711", "too many")
	other := uuid.UUID{2}
	if err := l.d.AddPerson(ctx, other, "Tám Thử"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.d.ChallengePIN(ctx, other); !slices.Equal(fieldsOf(err), []string{"pin"}) {
		t.Errorf("a challenge for nothing: %v", err)
	}
	l.check(l.d.ResetPIN(ctx, uuid.UUID{9}, "0000 0000", ""), "not on this device")
}
