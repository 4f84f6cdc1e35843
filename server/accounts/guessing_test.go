package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pquerna/otp/totp"

	"thonsync/server/accounts"
	"thonsync/server/audit"
	"thonsync/syncproto"
)

// guess fails so many times and gives how many were looked at.
func (o *office) guess(in accounts.Attempt, n int) (looked int) {
	o.t.Helper()
	for i := range n {
		in.Password = fmt.Sprintf("guess number %d", i)
		_, err := o.signIn(in)
		switch {
		case errors.Is(err, accounts.ErrWrong):
			looked++
		case !held(err):
			o.t.Fatal(err)
		}
	}
	return looked
}

func TestGuessingIsBounded(t *testing.T) {
	o := newOffice(t)
	_, perAccount, _, longest := accounts.Bursts()
	o.add("lan", accounts.Province)
	in := o.attempt("lan", "")
	for i := range 50 { // from ever new addresses
		in.Address = fmt.Sprintf("192.0.2.%d", i)
		if n := o.guess(in, 1); n != 1 != (i >= perAccount) {
			t.Fatalf("guess %d was looked at: %d", i, n)
		}
	}
	if o.log.count(audit.SignInHeld) != 50-perAccount {
		t.Errorf("held %d", o.log.count(audit.SignInHeld))
	}
	if _, err := o.signIn(o.attempt("lan", good)); !held(err) {
		t.Errorf("the right password from an unknown browser: %v", err)
	}
	o.restart() // does not help
	if _, err := o.signIn(o.attempt("lan", good)); !held(err) {
		t.Errorf("after a restart: %v", err)
	}
	o.now = o.now.Add(longest) // and no longer than this, whatever was tried meanwhile
	o.mustSignIn(o.attempt("lan", good))
}

// Trying without a pause does not make the wait longer.
func TestHammeringDoesNotLengthenTheWait(t *testing.T) {
	o := newOffice(t)
	_, perAccount, _, longest := accounts.Bursts()
	o.add("lan", accounts.Province)
	in := o.attempt("lan", "")
	o.guess(in, perAccount)
	for end := o.now.Add(longest); o.now.Before(end); o.now = o.now.Add(150 * time.Millisecond) {
		if n := o.guess(in, 1); n != 0 {
			t.Fatal("a guess too many was looked at")
		}
	}
	o.mustSignIn(o.attempt("lan", good))
}

// A name that does not exist is held as one that does: the difference would tell
// which names there are.
func TestUnknownNamesAreHeldAlike(t *testing.T) {
	o := newOffice(t)
	_, perAccount, _, _ := accounts.Bursts()
	o.add("lan", accounts.Province)
	o.add("gone", accounts.Province)
	if err := o.s.SetDisabled(t.Context(), audit.Console, "gone", true); err != nil {
		t.Fatal(err)
	}
	hashed := 0 // and takes as long
	o.s.SetDerive(func(password, salt []byte, passes, memory uint32, lanes uint8, octets uint32) []byte {
		hashed++
		return accounts.Cheap(password, salt, passes, memory, lanes, octets)
	})
	for _, name := range []string{"lan", "gone", "nobody"} {
		hashed = 0
		if n := o.guess(o.attempt(name, ""), perAccount+3); n != perAccount || hashed != perAccount {
			t.Errorf("%s: %d looked at, %d hashed, want %d", name, n, hashed, perAccount)
		}
	}
}

// Whoever guesses at an officer's name for ever does not keep the officer out of
// his own browser.
func TestAnAttackerCannotKeepAnOfficerOut(t *testing.T) {
	o := newOffice(t)
	_, _, perBrowser, _ := accounts.Bursts()
	own := o.add("lan", accounts.Officer, "x:1")
	mine := o.attempt("lan", good)
	mine.Browser = own.Browser
	in := o.attempt("lan", "")
	for day := range 20 {
		in.Address = fmt.Sprintf("192.0.2.%d", day)
		o.guess(in, 10)
		mine.Session = o.mustSignIn(mine).Session
		o.now = o.now.Add(time.Minute)
	}
	if n := o.guess(mine, 20); n != perBrowser {
		t.Errorf("in the own browser %d were looked at, want %d", n, perBrowser)
	}
	// Another account's browser helps nobody.
	minh := o.add("minh", accounts.Officer, "x:1")
	in.Browser = minh.Browser
	in.Address = "192.0.2.200"
	if n := o.guess(in, 3); n != 0 {
		t.Errorf("%d looked at with another account's browser", n)
	}
	// The console lets in whoever is held.
	token, err := o.s.Reset(t.Context(), audit.Console, "lan")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.s.UseLink(t.Context(), token, "", good, ""); err != nil {
		t.Fatal(err)
	}
	o.mustSignIn(o.attempt("lan", good))
}

func TestOneAddressIsBounded(t *testing.T) {
	o := newOffice(t)
	perAddress, _, _, _ := accounts.Bursts()
	looked := 0
	for i := range 100 {
		in := o.attempt(fmt.Sprintf("name-%c%c", 'a'+i/26, 'a'+i%26), "")
		in.Address = fmt.Sprintf("2001:db8::%x", i) // one network
		looked += o.guess(in, 1)
	}
	if looked != perAddress {
		t.Errorf("%d looked at, want %d", looked, perAddress)
	}
}

// An address that is held fills no name's bucket: one that was used up would
// otherwise hold every name it thinks of.
func TestAHeldAddressHoldsNoNames(t *testing.T) {
	o := newOffice(t)
	perAddress, _, _, _ := accounts.Bursts()
	o.add("lan", accounts.Province)
	in := o.attempt("", "")
	in.Address = "192.0.2.1"
	for i := range perAddress {
		in.Name = fmt.Sprintf("name-%c%c", 'a'+i/26, 'a'+i%26)
		o.guess(in, 1)
	}
	in.Name = "lan"
	if n := o.guess(in, 50); n != 0 {
		t.Errorf("%d looked at", n)
	}
	o.mustSignIn(o.attempt("lan", good))
}

// Failures before a success are forgotten.
func TestSuccessEmptiesTheBucket(t *testing.T) {
	o := newOffice(t)
	_, perAccount, perBrowser, _ := accounts.Bursts()
	own := o.add("lan", accounts.Province)
	for range 3 {
		o.guess(o.attempt("lan", ""), perAccount-1)
		o.mustSignIn(o.attempt("lan", good))
		mine := o.attempt("lan", "")
		mine.Browser, mine.Address = own.Browser, "10.0.0.2"
		o.guess(mine, perBrowser-1)
		mine.Password = good
		o.mustSignIn(mine)
		o.now = o.now.Add(5 * time.Minute) // for the address
	}
}

// Who is told that the server is busy was not looked at, and is not charged.
func TestBusyIsNoFailure(t *testing.T) {
	o := newOffice(t)
	o.add("lan", accounts.Province)
	release := o.s.Occupy()
	for range 50 {
		if _, err := o.signIn(o.attempt("lan", good)); !errors.Is(err, accounts.ErrBusy) {
			t.Fatal(err)
		}
	}
	release()
	o.mustSignIn(o.attempt("lan", good))
}

// An account that is reset or disabled while its password is hashed is not
// signed in.
func TestResetWhileSigningIn(t *testing.T) {
	o := newOffice(t)
	o.add("lan", accounts.Province)
	for name, meanwhile := range map[string]func() error{
		"disable": func() error { return o.s.SetDisabled(t.Context(), audit.Console, "lan", true) },
		"reset":   func() error { _, err := o.s.Reset(t.Context(), audit.Console, "lan"); return err },
	} {
		o.s.SetDerive(func(password, salt []byte, passes, memory uint32, lanes uint8, octets uint32) []byte {
			o.s.SetDerive(accounts.Cheap)
			if err := meanwhile(); err != nil {
				t.Error(err)
			}
			return accounts.Cheap(password, salt, passes, memory, lanes, octets)
		})
		o.wantWrong(o.attempt("lan", good), name)
		if err := o.s.SetDisabled(t.Context(), audit.Console, "lan", false); err != nil {
			t.Fatal(err)
		}
		token, err := o.s.Reset(t.Context(), audit.Console, "lan")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.s.UseLink(t.Context(), token, "", good, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := o.s.UseLink(t.Context(), token, "", other, ""); !errors.Is(err, accounts.ErrLink) {
			t.Errorf("a link was used twice: %v", err)
		}
	}
}

// An account whose owner has set no password yet is opened by none.
func TestNoPasswordIsNoWayIn(t *testing.T) {
	o := newOffice(t)
	if _, _, err := o.s.Add(t.Context(), audit.Console, "lan", accounts.Province, nil); err != nil {
		t.Fatal(err)
	}
	o.s.SetDerive(func(_, _ []byte, _, _ uint32, _ uint8, octets uint32) []byte { return make([]byte, octets) })
	o.wantWrong(o.attempt("lan", ""), "no password set")
}

// Attempts at the same moment cannot all pass the bound.
func TestGuessingAtOnceIsBounded(t *testing.T) {
	o := newOffice(t)
	_, perAccount, _, _ := accounts.Bursts()
	o.add("lan", accounts.Province)
	var wg sync.WaitGroup
	var mu sync.Mutex
	looked := 0
	for range 15 {
		wg.Go(func() {
			_, err := o.signIn(o.attempt("lan", "guess"))
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(err, accounts.ErrWrong) {
				looked++
			}
		})
	}
	wg.Wait()
	if looked > perAccount {
		t.Errorf("%d looked at, want at most %d", looked, perAccount)
	}
}

// A clock that was wrong and is set right keeps nobody out.
func TestClockSetBackHoldsNobody(t *testing.T) {
	o := newOffice(t)
	_, perAccount, _, longest := accounts.Bursts()
	o.add("lan", accounts.Province)
	o.now = o.now.AddDate(70, 0, 0)
	o.guess(o.attempt("lan", ""), perAccount)
	o.now = o.now.AddDate(-70, 0, 0)
	if _, err := o.signIn(o.attempt("lan", good)); !held(err) {
		t.Errorf("setting the clock back helped: %v", err)
	}
	o.now = o.now.Add(longest)
	o.mustSignIn(o.attempt("lan", good))
}

// factor gives an account a second factor.
func (o *office) factor(session string) (secret string, codes []string, next string) {
	o.t.Helper()
	made, err := o.s.NewFactor(o.t.Context(), o.caller(session), "Thonsync")
	if err != nil {
		o.t.Fatal(err)
	}
	codes, next, err = o.s.ConfirmFactor(o.t.Context(), o.caller(session), o.code(made.Text), "")
	if err != nil {
		o.t.Fatal(err)
	}
	return made.Text, codes, next
}

func (o *office) code(secret string) string {
	o.t.Helper()
	code, err := totp.GenerateCode(secret, o.now)
	if err != nil {
		o.t.Fatal(err)
	}
	return code
}

func TestSecondFactor(t *testing.T) {
	o := newOffice(t)
	o.cfg.Factors = accounts.FactorsProvince
	o.restart()
	g := o.add("lan", accounts.Province)
	if !o.caller(g.Session).Pending {
		t.Error("a province operator without a second factor is let through")
	}
	if c := o.caller(o.add("minh", accounts.Officer, "x:1").Session); c.Pending {
		t.Error("an officer is asked for one")
	}
	secret, _, session := o.factor(g.Session)
	o.wantOut(g.Session, "second factor set")
	if c := o.caller(session); c.Pending || !c.Factor {
		t.Errorf("%+v", c)
	}
	in := o.attempt("lan", good)
	o.wantWrong(in, "no code")
	in.Code = o.code(secret)
	o.wantWrong(in, "the code that confirmed it, once more")
	o.now = o.now.Add(30 * time.Second)
	in.Code = o.code(secret)
	in.Password = other
	o.wantWrong(in, "right code, wrong password")
	in.Password = good
	o.mustSignIn(in)
	o.wantWrong(in, "a code that was used")
	o.now = o.now.Add(3 * time.Minute)
	late := o.now.Add(-90 * time.Second)
	in.Code, _ = totp.GenerateCode(secret, late)
	o.wantWrong(in, "an old code")
	in.Code, _ = totp.GenerateCode(secret, o.now.Add(-30*time.Second))
	o.mustSignIn(in)
}

// Setting the clock back by less than a day makes no used code good again.
func TestClockSetBackReplaysNoCode(t *testing.T) {
	o := newOffice(t)
	secret, _, _ := o.factor(o.add("lan", accounts.Province).Session)
	early := o.attempt("lan", good)
	o.now = o.now.Add(time.Minute)
	early.Code = o.code(secret)
	o.mustSignIn(early)
	o.now = o.now.Add(10 * time.Minute)
	late := o.attempt("lan", good)
	late.Code = o.code(secret)
	o.mustSignIn(late)
	o.now = o.now.Add(-10 * time.Minute)
	o.wantWrong(early, "replayed under a clock that was set back")
}

func TestSecondFactorAfterAWrongClock(t *testing.T) {
	o := newOffice(t)
	secret, _, _ := o.factor(o.add("lan", accounts.Province).Session)
	in := o.attempt("lan", good)
	o.now = o.now.AddDate(3, 0, 0)
	in.Code = o.code(secret)
	o.mustSignIn(in)
	o.now = o.now.AddDate(-3, 0, 1)
	in.Code = o.code(secret)
	o.mustSignIn(in)
	o.wantWrong(in, "replayed")
}

func TestRecoveryCodes(t *testing.T) {
	o := newOffice(t)
	secret, codes, session := o.factor(o.add("lan", accounts.Province).Session)
	if len(codes) != 10 {
		t.Fatalf("%d codes", len(codes))
	}
	in := o.attempt("lan", good)
	in.Code = strings.ToLower(" " + codes[3])
	if g := o.mustSignIn(in); !g.Recovered || g.Left != 9 {
		t.Errorf("%+v", g)
	}
	o.wantWrong(in, "a used recovery code")
	if o.log.count(audit.Recovery) != 1 {
		t.Error("not in the log")
	}
	if _, err := o.s.NewRecovery(t.Context(), o.caller(session), codes[3], ""); err == nil {
		t.Error("new codes for a used one")
	}
	fresh, err := o.s.NewRecovery(t.Context(), o.caller(session), codes[4], "")
	if err != nil {
		t.Fatal(err)
	}
	in.Code = codes[5]
	o.wantWrong(in, "a replaced recovery code")
	in.Code = fresh[0]
	o.now = o.now.Add(time.Hour)
	o.mustSignIn(in)
	_ = secret
}

// Whoever finds a browser signed in cannot take the account over by its second
// factor.
func TestSecondFactorIsChangedWithACodeOnly(t *testing.T) {
	o := newOffice(t)
	secret, _, session := o.factor(o.add("lan", accounts.Province).Session)
	ctx := t.Context()
	c := o.caller(session)
	if _, err := o.s.NewFactor(ctx, c, "Thonsync"); err == nil {
		t.Error("replaced without a code")
	}
	if err := o.s.DropFactor(ctx, c, "000000", ""); err == nil {
		t.Error("turned off with a wrong code")
	}
	var err error
	for range 20 {
		if err = o.s.DropFactor(ctx, c, "000000", ""); held(err) {
			break
		}
	}
	if !held(err) {
		t.Errorf("guessing codes is not bounded: %v", err)
	}
	o.now = o.now.Add(10 * time.Minute)
	if err := o.s.DropFactor(ctx, c, o.code(secret), ""); err != nil {
		t.Fatal(err)
	}
	o.mustSignIn(o.attempt("lan", good))
}

func TestPasswordRules(t *testing.T) {
	for _, bad := range []string{
		"short", "mười hai ba", "matkhau123456", "Mật khẩu 2026!", "123456789012", "aaaaaaaaaaaaaa", "abababababab", "thonsync-2026",
		"qwertyuiop12", "Lan.Nguyen.1990", "passwordpassword", "Tổ Công nghệ số cộng đồng 1", strings.Repeat("xyzw ", 60), "bad\x00password9", "............",
	} {
		if err := accounts.CheckPassword("lan-nguyen", bad); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
			t.Errorf("%q may be a password", bad)
		}
	}
	for _, ok := range []string{good, other, "chín con trâu bơi", "kX9#vQ2!mZ7p"} {
		if err := accounts.CheckPassword("lan-nguyen", ok); err != nil {
			t.Errorf("%q: %v", ok, err)
		}
	}
	for _, bad := range []string{"", "ab", "Lan", "lân", "0912345678", "a0912345678", "a b", "-ab", strings.Repeat("a", 40)} {
		if accounts.CheckName(bad) == nil {
			t.Errorf("%q may be a name", bad)
		}
	}
}

// A flood of sign-ins hashes two at a time; who comes beyond the queue is told to
// come back, and is not charged for it.
func TestFloodTakesNoMemory(t *testing.T) {
	o := newOffice(t)
	o.add("lan", accounts.Province)
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most := 0, 0
		release := make(chan struct{})
		h := accounts.NewHasher(func(_, _ []byte, _, _ uint32, _ uint8, _ uint32) []byte {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			<-release
			mu.Lock()
			running--
			mu.Unlock()
			return make([]byte, 32)
		})
		var busy int
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if err := h(context.Background()); syncproto.CodeOf(err) == syncproto.CodeOverload {
					mu.Lock()
					busy++
					mu.Unlock()
				}
			})
		}
		synctest.Wait()
		if running != accounts.HashSlots || busy != 100-accounts.HashSlots-accounts.HashQueue {
			t.Errorf("%d hash, %d are told to come back", running, busy)
		}
		close(release)
		wg.Wait()
		if most != accounts.HashSlots {
			t.Errorf("%d at once, want %d", most, accounts.HashSlots)
		}
	})
}

// The real thing, once: argon2id with the stated parameters, and old parameters
// are replaced at the next sign-in.
func TestStoredPasswords(t *testing.T) {
	o := newOffice(t)
	o.add("lan", accounts.Province)
	o.s.SetDerive(accounts.Argon)
	old := accounts.PHC(2, 4096, 1, []byte("0123456789abcdef"), good)
	o.s.SetStored(t, "lan", old)
	o.wantWrong(o.attempt("lan", other), "wrong")
	o.mustSignIn(o.attempt("lan", good))
	if phc := o.s.Stored(t, "lan"); !strings.HasPrefix(phc, "$argon2id$v=19$m=32768,t=3,p=1$") {
		t.Errorf("stored as %s", phc)
	}
	o.mustSignIn(o.attempt("lan", good))
	for _, broken := range []string{"x", "$argon2id$v=19$m=99999999,t=3,p=1$AAAA$" + strings.Repeat("A", 43), "$argon2id$v=19$m=32768,t=0,p=1$AAAA$AAAA", "$2b$10$x"} {
		o.s.SetStored(t, "lan", broken)
		if _, err := o.signIn(o.attempt("lan", good)); err == nil || errors.Is(err, accounts.ErrWrong) {
			t.Errorf("%s: %v", broken, err)
		}
	}
}

// Whoever is held by his address leaves nothing for every name that he tries.
func TestHeldGuessesTakeNoSpace(t *testing.T) {
	o := newOffice(t)
	perAddress, _, _, _ := accounts.Bursts()
	for i := range 4 * perAddress {
		o.guess(o.attempt(fmt.Sprintf("name-%d", i), ""), 1)
	}
	if n := o.s.Buckets(t); n > perAddress+1 {
		t.Errorf("%d buckets are kept of one address", n)
	}
}
