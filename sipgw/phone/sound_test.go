package phone_test

import (
	"errors"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw"
	"github.com/carillon-cc/carillon/sipgw/phone"
	"github.com/carillon-cc/carillon/sipgw/sdp"
)

// hears waits until the telephone hears a tone from the echo that it plays.
func hears(t *testing.T, c *phone.Call, hz float64) {
	t.Helper()
	c.Play(media.NewPromptFromPCM(media.Tone(hz, time.Second, 0.3)), true)
	for limit := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		heard := c.Heard()
		got, share := media.DominantTone(heard[max(0, len(heard)-2000):])
		if math.Abs(got-hz) < 5 && share > 0.95 {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("heard %.0f Hz at %.2f, want %.0f", got, share, hz)
		}
	}
}

func dial(t *testing.T, p *phone.Phone, o phone.Options) *phone.Call {
	t.Helper()
	o.From, o.Keep = "+33123", 10*time.Second
	c, err := p.Dial(bounded(t), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.WaitAnswer(bounded(t)); err != nil {
		t.Fatal(err)
	}
	return c
}

func demanding(cfg *sipgw.Config) { cfg.Encryption = ccs.EncryptionRequired }

func TestEncryptedSoundGoesBothWays(t *testing.T) {
	for name, late := range map[string]bool{"offered": false, "late offer": true} {
		t.Run(name, func(t *testing.T) {
			e, p := startEchoWith(t, nil, demanding), newPhone(t)
			c := dial(t, p, phone.Options{URI: e.uri("udp"), Encryption: sdp.Required, LateOffer: late})
			before := c.Agreed()
			if !before.Encrypted() {
				t.Fatal("the sound is not encrypted")
			}
			hears(t, c, 440)
			if !c.SendDigits("5") || wait[call.Digit](t, e).Digit != '5' {
				t.Error("a key was not received")
			}
			if err := c.Hold(bounded(t), phone.HoldInactive); err != nil {
				t.Fatal(err)
			}
			if err := c.Unhold(bounded(t)); err != nil {
				t.Fatal(err)
			}
			if after := c.Agreed(); after.Keys != before.Keys {
				t.Error("hold changed the keys")
			}
			hears(t, c, 600)
			if s := c.Stats(); s.Bad > 0 {
				t.Errorf("%d packets could not be decrypted", s.Bad)
			}
			c.Hangup()
			wait[call.Gone](t, e)
		})
	}
}

func TestEncryptionIsAgreedOnOrRefused(t *testing.T) {
	rows := []struct {
		name   string
		policy sdp.Policy
		change func(*sipgw.Config)
	}{
		{"encrypted sound without encrypted signalling", sdp.Required, func(*sipgw.Config) {}},
		{"plain sound where encryption is demanded", sdp.Plain, demanding},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			e, p := startEchoWith(t, nil, row.change), newPhone(t)
			c, err := p.Dial(bounded(t), phone.Options{URI: e.uri("udp"), From: "1", Encryption: row.policy})
			if err != nil {
				t.Fatal(err)
			}
			var refused *phone.RefusedError
			if err := c.WaitAnswer(bounded(t)); !errors.As(err, &refused) || refused.Status != 488 {
				t.Errorf("%v, want 488", err)
			}
		})
	}
}

func TestACallOverIPv6(t *testing.T) {
	six := netip.MustParseAddr("::1")
	p, err := phone.New(phone.Config{Local: six})
	if err != nil {
		t.Skip("the machine has no IPv6:", err)
	}
	t.Cleanup(p.Close)
	e := startEchoWith(t, nil, func(cfg *sipgw.Config) {
		cfg.Listen, cfg.BindIPs, cfg.Ports = ":0", []netip.Addr{six}, media.NewPorts(media.AnyAddress(), 0, 0)
	})
	for _, late := range []bool{false, true} {
		c := dial(t, p, phone.Options{URI: e.uri("udp"), LateOffer: late})
		if at := c.Agreed().Remote.Addr(); at != six {
			t.Errorf("the sound is at %v", at)
		}
		hears(t, c, 440)
		c.Hangup()
		wait[call.Gone](t, e)
	}
}

// The telephone's signalling is IPv6, its sound IPv4: it is met there, where we
// have such an address, and refused where we have none.
func TestSoundInTheOtherVersionOfIP(t *testing.T) {
	six := netip.MustParseAddr("::1")
	for name, both := range map[string]bool{"both versions": true, "IPv6 alone": false} {
		t.Run(name, func(t *testing.T) {
			p, err := phone.New(phone.Config{Local: six})
			if err != nil {
				t.Skip("the machine has no IPv6:", err)
			}
			t.Cleanup(p.Close)
			e := startEchoWith(t, nil, func(cfg *sipgw.Config) {
				cfg.Listen, cfg.BindIPs, cfg.Ports = ":0", []netip.Addr{six}, media.NewPorts(media.AnyAddress(), 0, 0)
				if both {
					cfg.BindIPs = append(cfg.BindIPs, loopback)
				}
			})
			c, err := p.Dial(bounded(t), phone.Options{URI: e.uri("udp"), From: "1", Media: netip.MustParseAddrPort("127.0.0.1:4000")})
			if err != nil {
				t.Fatal(err)
			}
			err = c.WaitAnswer(bounded(t))
			var refused *phone.RefusedError
			switch {
			case both && (err != nil || c.Agreed().Remote.Addr() != loopback):
				t.Errorf("%v, sound at %v", err, c.Agreed().Remote)
			case !both && (!errors.As(err, &refused) || refused.Status != 488):
				t.Errorf("%v, want 488", err)
			}
			c.Hangup()
		})
	}
}

func TestALegKnowsItsQuality(t *testing.T) {
	legs := make(chan call.Leg, 1)
	e, p := startEcho(t, func(in sipgw.Incoming) bool {
		legs <- in.Leg
		return true
	}), newPhone(t)
	c := dial(t, p, phone.Options{URI: e.uri("udp")})
	reporter := (<-legs).(call.QualityReporter)
	hears(t, c, 440)
	q := reporter.Quality()
	// What a machine that is busy for a moment delays sounds bad, until it is past.
	for limit := time.Now().Add(patience); q.Received < 10 || q.Sent < 10 || q.MOS < 3; q = reporter.Quality() {
		if time.Now().After(limit) {
			t.Fatalf("%+v", q)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if q.Codec != "PCMA" {
		t.Errorf("%+v", q)
	}
	c.Hangup()
	wait[call.Gone](t, e)
	if after := reporter.Quality(); after.Received < q.Received || after.MOS == 0 {
		t.Errorf("after the call %+v", after)
	}
}
