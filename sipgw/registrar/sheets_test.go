package registrar

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

const contact = "Contact: <sip:100@192.0.2.20>;expires=120"

// sheet is what is to be stored of the line of the rig, through JSON and back.
func (r *rig) sheet(last bool) []ccs.Binding {
	r.t.Helper()
	list, ok := r.Sheet(sheetOf("l"), last)
	if !ok {
		r.t.Fatal("the registrar is closed")
	}
	text, err := json.Marshal(list)
	if err != nil {
		r.t.Fatal(err)
	}
	var back []ccs.Binding
	if err := json.Unmarshal(text, &back); err != nil {
		r.t.Fatal(err)
	}
	return back
}

func TestOnlyWhatIsStoredTooShortIsStoredAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		unsaved := func(what string, want bool) {
			t.Helper()
			if got := reflect.DeepEqual(r.Unsaved(), []int{sheetOf("l")}); got != want {
				t.Errorf("%s: to be stored is %v", what, got)
			}
			if want {
				r.sheet(false)
			}
		}
		unsaved("nothing yet", false)
		r.register(desk, "a", contact)
		unsaved("a new telephone", true)
		unsaved("the same again", false)
		written := time.Now()
		for time.Since(written) < slack {
			r.register(desk, "a", contact)
			unsaved("refreshed", false)
			time.Sleep(time.Minute)
		}
		time.Sleep(time.Second)
		r.register(desk, "a", contact)
		unsaved("refreshed beyond what is stored", true)
		r.register(far, "a", contact)
		unsaved("moved", true)
		r.register(far, "b", contact)
		unsaved("booted anew", true)
		r.register(desk, "c", "Contact: <sip:100@192.0.2.21>")
		unsaved("a second one", true)
		r.register(desk, "c", "Contact: <sip:100@192.0.2.21>;expires=0")
		unsaved("which goes", true)
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		unsaved("ended", true)
		r.register(desk, "a", contact)
		unsaved("back", true)
		r.Keep(func(string, string) bool { return false })
		unsaved("its line is gone", true)
	})
}

func TestBindingsSurviveARestart(t *testing.T) {
	for _, x := range []struct {
		name      string
		last      bool // the process stopped in order
		refreshed int  // times a minute, which was not stored any more
		away      time.Duration
		left      time.Duration // 0 for ended
	}{
		{"at once", true, 0, 0, 120 * time.Second},
		{"a minute later", true, 0, time.Minute, time.Minute},
		{"when it has ended", true, 0, 2 * time.Minute, 0},
		{"after a crash", false, 0, 0, 120 * time.Second},
		{"after a crash, refreshed before", false, 9, time.Minute, 120 * time.Second},
		{"long after a crash", false, 0, slack + 2*time.Minute, 0},
	} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				before, after := newRig(t), newRig(t)
				headers := []string{`Contact: <sip:100@10.0.0.1:5062;ob>;expires=120;q=0.5;+sip.instance="<urn:uuid:1>";reg-id=1`}
				before.register(far, "a", headers...)
				was := before.Bindings("l")[0]
				stored := before.sheet(x.last)
				before.Unsaved()
				for range x.refreshed {
					time.Sleep(time.Minute)
					before.register(far, "a", headers...)
				}
				if before.Unsaved() != nil {
					t.Fatal("the refreshing would have been stored")
				}
				time.Sleep(x.away)
				taken := after.Restore(stored[0], 3)
				got := after.Bindings("l")
				if taken != (x.left > 0) || len(got) != len(stored) && taken {
					t.Fatalf("taken is %v, bindings %v", taken, got)
				}
				if !taken {
					return
				}
				b := got[0]
				if time.Until(b.Expires) != x.left || b.Flow != was.Flow || b.URI.String() != was.URI.String() || !b.Since.Equal(was.Since) || b.Q != "0.5" || !b.NAT || b.UserAgent != "Desk" {
					t.Errorf("restored %+v, left %v", b, time.Until(b.Expires))
				}
				if !after.Knows("UDP", far.Peer) || len(after.Behind(0, 1, nil)) != 1 || !reflect.DeepEqual(after.told, []string{"l true"}) {
					t.Error("the restored telephone is not known like others")
				}
				// RFC 3261 §10.3 step 7: the telephone goes on counting.
				if code, _ := after.send(far, "a", 1, headers...); code != 500 {
					t.Errorf("the REGISTER of before got %d", code)
				}
				if code, contacts := after.send(far, "a", 2, headers...); code != 200 || len(contacts) != 1 {
					t.Errorf("the next REGISTER got %d, %v", code, contacts)
				}
			})
		})
	}
}

func TestATelephoneThatRegisteredAnewIsNotRestored(t *testing.T) {
	before, r := newRig(t), newRig(t)
	before.register(desk, "a", contact)
	r.register(far, "a", contact)
	if r.Restore(before.sheet(true)[0], 3) || len(r.Bindings("l")) != 1 || r.Bindings("l")[0].Flow != far {
		t.Errorf("bindings %v", r.Bindings("l"))
	}
	before.register(desk, "b", "Contact: <sip:200@192.0.2.20>")
	if r.Restore(before.sheet(true)[1], 1) {
		t.Error("a line has more telephones than it may")
	}
}

func TestAClosedRegistrarSaysNotThatNobodyIsThere(t *testing.T) {
	r := newRig(t)
	r.register(desk, "a", contact)
	r.Close()
	if _, ok := r.Sheet(sheetOf("l"), true); ok {
		t.Error("the sheet would be stored empty")
	}
}

func TestLinesAreSpreadOverTheSheets(t *testing.T) {
	count := make([]int, Sheets)
	for i := range 1000 {
		count[sheetOf(fmt.Sprint("line-", i))]++
	}
	for n, lines := range count {
		if lines < 10 || lines > 60 {
			t.Errorf("sheet %d has %d lines", n, lines)
		}
	}
}

// What is stored may have been written by another version, or by hand.
func FuzzRestore(f *testing.F) {
	f.Add("sip:100@192.0.2.20", "UDP", int64(60_000))
	f.Add("sips:100@[2001:db8::1]:5061;transport=tls", "TLS", int64(0))
	f.Add("<sip:1@x>\r\nX: y", "", int64(-1))
	f.Fuzz(func(t *testing.T, contact, transport string, granted int64) {
		r := New(nil)
		defer r.Close()
		now := time.Now()
		if !r.Restore(ccs.Binding{
			Line: "l", Contact: contact, Transport: transport, Local: desk.Local, Peer: desk.Peer, Expires: now.Add(time.Hour), Granted: ccs.Millis(granted),
		}, 3) {
			return
		}
		b := r.Bindings("l")[0]
		if text := b.URI.String(); !usable(b.URI) || len(text) > maxParam {
			t.Errorf("%q is restored", text)
		}
		if left := b.Expires.Sub(now); left > MaxExpires+time.Minute || left < MinExpires {
			t.Errorf("lasts %v", left)
		}
	})
}
