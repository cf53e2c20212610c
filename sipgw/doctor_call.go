package sipgw

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/trunk"
)

// The times of a test call.
const (
	testRinging = 25 * time.Second
	testTalking = 4 * time.Second
)

// trial is what a test call saw.
type trial struct {
	early, heard atomic.Int64 // packets before and after the answer
	answered     atomic.Bool
	rang         bool
	sound        bool // the network said that it sends sound before the answer
}

// WritePacket counts what is heard.
func (t *trial) WritePacket(*media.Packet) {
	if t.answered.Load() {
		t.heard.Add(1)
	} else {
		t.early.Add(1)
	}
}

// call places a test call and tells how it went.
func (d *diagnosis) call(ctx context.Context, number string) {
	n, guard := trunk.Allow(number, d.link.trunk.Outgoing)
	if guard == "" {
		var release func()
		if release, guard = d.trunks.count(d.link.trunk, ""); guard == "" {
			d.place(ctx, n, release)
			return
		}
	}
	d.add("call", LevelFail, "call.guard."+string(guard))
}

func (d *diagnosis) place(ctx context.Context, n trunk.Number, release func()) {
	leg, err := d.gateway.place(d.trunks.placing(d.link, Outgoing{}, n, release))
	var refused *RefusedError
	if errors.As(err, &refused) {
		d.add("call", LevelFail, "call.unplaced", "Reason", string(refused.Reason))
		return
	}
	var t trial
	events := make(chan call.Event, 100)
	leg.Listen(call.Listener{Packets: &t, Events: func(e call.Event) {
		select {
		case events <- e:
		default:
		}
	}})
	defer leg.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonHangup})
	begun := time.Now()
	if !d.ring(ctx, &t, events) {
		return
	}
	d.add("call", LevelOK, "call.answered", "Seconds", strconv.Itoa(int(time.Since(begun).Seconds())))
	if t.early.Load() > 0 || t.sound {
		d.add("call", LevelOK, "call.early", "Packets", strconv.FormatInt(t.early.Load(), 10))
	}
	d.agreed(leg)
	lasted := time.NewTimer(testTalking)
	defer lasted.Stop()
	for {
		select {
		case e := <-events:
			if gone, ok := e.(call.Gone); ok {
				d.add("call", LevelWarn, "call.cut", "Said", causeText(gone.Cause))
				d.media(leg, &t)
				return
			}
		case <-lasted.C:
			d.media(leg, &t)
			return
		case <-ctx.Done():
			return
		}
	}
}

// ring waits for the answer.
func (d *diagnosis) ring(ctx context.Context, t *trial, events <-chan call.Event) bool {
	limit := time.NewTimer(testRinging)
	defer limit.Stop()
	for {
		select {
		case e := <-events:
			switch e := e.(type) {
			case call.Ringing:
				t.rang, t.sound = true, t.sound || e.Early
			case call.Answered:
				t.answered.Store(true)
				return true
			case call.Gone:
				d.unanswered(e.Cause)
				return false
			}
		case <-limit.C:
			code := "call.noAnswer"
			if !t.rang {
				code = "call.noRinging"
			}
			d.add("call", LevelWarn, code)
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// unanswered tells why a test call was not answered.
func (d *diagnosis) unanswered(c call.Cause) {
	level, code := LevelFail, "call.failed"
	switch c.Reason {
	case call.ReasonTheirBusy, call.ReasonDeclined, call.ReasonNoAnswer:
		level, code = LevelWarn, "call.notTaken" // the provider did its part
	case call.ReasonTrunkRefused:
		code = "call.refused"
	case call.ReasonInvalid:
		code = "call.invalid"
	case call.ReasonTrunkFailed:
		code = "call.silent"
	case call.ReasonNoCodec:
		code = "call.noCodec"
	case call.ReasonForwarded:
		level, code = LevelWarn, "call.forwarded"
	}
	d.add("call", level, code, "Said", causeText(c))
}

// causeText is what the network said.
func causeText(c call.Cause) string {
	if c.Status == 0 {
		return string(c.Reason)
	}
	text := "SIP " + itoa(c.Status)
	if c.Q850 != 0 {
		text += ", Q.850 " + itoa(c.Q850)
	}
	return text
}

// agreed tells what was agreed on of sound and keys.
func (d *diagnosis) agreed(leg *called) {
	leg.mu.Lock()
	a := leg.leg.agreed
	leg.mu.Unlock()
	d.add("call", LevelOK, "call.codec", "Codec", a.Codec.String(), "Offered", "G722, PCMA, PCMU")
	if a.EventType == 0 {
		d.add("call", LevelWarn, "call.noKeys")
	} else {
		d.add("call", LevelOK, "call.keys")
	}
}

// media tells how sound travelled.
func (d *diagnosis) media(leg *called, t *trial) {
	leg.mu.Lock()
	said := leg.leg.agreed.Remote
	leg.mu.Unlock()
	stats, q := leg.port.Stats(), leg.Quality()
	// What came before the answer says nothing of the way after it.
	heard := t.heard.Load()
	packets := strconv.FormatInt(heard, 10)
	switch {
	case heard == 0 && stats.Foreign > 0:
		d.add("media", LevelFail, "media.foreign", "Address", said.String())
	case heard == 0:
		d.add("media", LevelFail, "media.none", "Address", said.String(), "Own", leg.leg.media.String())
	case stats.Remote != said && stats.Remote.IsValid():
		d.add("media", LevelOK, "media.nat", "Packets", packets, "Address", said.String(), "Source", stats.Remote.String())
	default:
		d.add("media", LevelOK, "media.ok", "Packets", packets, "Address", said.String())
	}
	if lost := stats.Lost; lost > 0 && stats.Received > 0 && uint64(lost)*100 > stats.Received {
		d.add("media", LevelWarn, "media.loss", "Lost", strconv.FormatInt(lost, 10), "Packets", packets)
	}
	switch {
	case q.RemoteLost >= 500:
		d.add("media", LevelFail, "media.unheard", "Own", leg.leg.media.String())
	case q.RTT == 0:
		d.add("media", LevelOK, "media.unreported")
	default:
		d.add("media", LevelOK, "media.heard")
	}
}
