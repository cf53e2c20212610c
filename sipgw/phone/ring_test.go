package phone_test

import (
	"errors"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/phone"
	"github.com/carillon-cc/carillon/sipgw/siptest"
)

// pair makes a telephone that calls and one whose calls come through the channel.
func pair(t *testing.T) (caller, callee *phone.Phone, rings chan *phone.Ring) {
	t.Helper()
	rings = make(chan *phone.Ring, 1)
	callee, err := phone.New(phone.Config{Local: siptest.Address(), OnCall: func(r *phone.Ring) { rings <- r }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(callee.Close)
	return newPhone(t), callee, rings
}

func TestTelephonesCallEachOther(t *testing.T) {
	rows := []struct {
		name    string
		options phone.Options
		reply   phone.Reply
		early   bool
		codec   media.Codec
	}{
		{"plain", phone.Options{}, phone.Reply{}, false, media.PCMA},
		{"one codec", phone.Options{}, phone.Reply{Codecs: []media.Codec{media.PCMU}}, false, media.PCMU},
		{"late offer", phone.Options{LateOffer: true}, phone.Reply{}, false, media.PCMA},
		{"early media", phone.Options{}, phone.Reply{}, true, media.PCMA},
		{"another codec than before", phone.Options{}, phone.Reply{Codecs: []media.Codec{media.PCMU}}, true, media.PCMU},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			caller, callee, rings := pair(t)
			row.options.URI, row.options.Keep = "sip:1000@"+callee.Addr().String(), 10*time.Second
			c, err := caller.Dial(bounded(t), row.options)
			if err != nil {
				t.Fatal(err)
			}
			r := <-rings
			if err := r.Ringing(); err != nil {
				t.Fatal(err)
			}
			if row.early {
				if _, err := r.Progress(phone.Reply{}); err != nil {
					t.Fatal(err)
				}
			}
			row.reply.Keep = 10 * time.Second
			called, err := r.Answer(row.reply)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.WaitAnswer(bounded(t)); err != nil {
				t.Fatal(err)
			}
			c.Play(media.NewPromptFromPCM(media.Tone(440, time.Second, 0.3)), true)
			hearsTone(t, called, 440)
			if c.Codec() != row.codec || called.Codec() != row.codec {
				t.Errorf("codecs %v and %v", c.Codec(), called.Codec())
			}
			called.Play(media.NewPromptFromPCM(media.Tone(600, time.Second, 0.3)), true)
			hearsTone(t, c, 600)
			called.Hangup()
			<-c.Done()
			if e := c.Ending(); e.By != phone.ByPeer {
				t.Errorf("ended by %+v", e)
			}
		})
	}
}

func hearsTone(t *testing.T, c *phone.Call, want float64) {
	t.Helper()
	var hz float64
	for limit := time.Now().Add(patience); time.Now().Before(limit); time.Sleep(20 * time.Millisecond) {
		heard := c.Heard()
		var share float64
		hz, share = media.DominantTone(heard[max(0, len(heard)-2000):])
		if hz > want-5 && hz < want+5 && share > 0.95 {
			return
		}
	}
	t.Fatalf("heard %.0f Hz, want %.0f", hz, want)
}

func TestRingIsDecidedOnOnce(t *testing.T) {
	caller, callee, rings := pair(t)
	dial := func() (*phone.Call, *phone.Ring) {
		t.Helper()
		c, err := caller.Dial(bounded(t), phone.Options{URI: "sip:1000@" + callee.Addr().String()})
		if err != nil {
			t.Fatal(err)
		}
		return c, <-rings
	}
	c, r := dial()
	if err := r.Refuse(phone.Reply{Status: 480}); err != nil {
		t.Fatal(err)
	}
	var refused *phone.RefusedError
	if err := c.WaitAnswer(bounded(t)); !errors.As(err, &refused) || refused.Status != 480 {
		t.Errorf("refused with %v", err)
	}
	if _, err := r.Answer(phone.Reply{}); !errors.Is(err, phone.ErrDecided) {
		t.Errorf("answered with %v", err)
	}
	c, r = dial()
	if err := r.Ringing(); err != nil {
		t.Fatal(err)
	}
	c.Hangup()
	<-c.Done()
	<-r.Done()
	if r.Cancelled() == nil || !errors.Is(r.Ringing(), phone.ErrDecided) {
		t.Error("not cancelled")
	}
	c, r = dial()
	callee.Close()
	<-c.Done()
	if e := c.Ending(); e.Status != 480 {
		t.Errorf("a telephone that is closed says %+v", e)
	}
	<-r.Done()
}
