package webrtc

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/media"
)

//go:embed testdata/browser.html
var browserPage []byte

// lineTones are what the browser's lines are sent, in Hz.
var lineTones = []float64{600, 1000, 1400}

// seen is what the page tells at its end.
type seen struct {
	Still float64      // how long the page stood still at most, in ms
	Times [][2]float64 // from offer and from answer to connected, in ms
	Tones []float64
	State string
	Stats struct {
		RemoteInbound []struct {
			RoundTripTime             float64
			RoundTripTimeMeasurements int
			PacketsLost               int
		} `json:"remote-inbound-rtp"`
		RemoteOutbound []struct {
			PacketsSent int
		} `json:"remote-outbound-rtp"`
		Inbound []struct {
			PacketsReceived, PacketsLost int
			ConcealedSamples             float64
		} `json:"inbound-rtp"`
	}
	Agent    string
	Switched []string // how each encoding was asked for
}

// TestBrowsersTalkAndHear puts real browsers through the life of an agent's
// connection: it connects, with either side as the DTLS client, its microphone
// is heard, falls silent and is heard again, it hears each line, it changes
// encodings, and it restarts ICE.
func TestBrowsersTalkAndHear(t *testing.T) {
	for _, browser := range realBrowsers {
		t.Run(browser.name, func(t *testing.T) {
			t.Run("loopback", func(t *testing.T) {
				if !browser.loopback {
					t.Skipf("%s has no candidates there", browser.name)
				}
				talkAndHear(t, &browser, []netip.Addr{netip.MustParseAddr("127.0.0.1")})
			})
			// Checks must be answered from the address that they were sent to.
			t.Run("own address", func(t *testing.T) {
				own, err := announced(Config{Listen: ":0"})
				if err != nil || len(own) == 0 || own[0].IsLoopback() {
					t.Skipf("SKIPPED: this machine has only a loopback interface, so %s is NOT tried with another", browser.name)
				}
				talkAndHear(t, &browser, own)
			})
		})
	}
}

// blameless is for how long a machine may stand still without being to blame for
// what a browser did not hear.
const blameless = 200 * time.Millisecond

// talkAndHear begins the trial again, a few times, where it fails and the machine
// stood still meanwhile: then browsers lose packets, and sound has gaps.
func talkAndHear(t *testing.T, browser *realBrowser, address []netip.Addr) {
	const trials = 4
	for n := 1; ; n++ {
		still, err := tryBrowser(t, browser, address)
		switch {
		case err == nil:
			return
		case still <= blameless || n == trials:
			t.Fatalf("%v (the machine stood still for %v)", err, still)
		}
		t.Logf("once again, the machine stood still for %v: %v", still, err)
	}
}

func tryBrowser(t *testing.T, browser *realBrowser, address []netip.Addr) (still time.Duration, err error) {
	browser.find(t)
	e := startEngine(t, func(c *Config) {
		c.Listen = ":0"
		c.PublicIPs = address
	})
	desk := &desk{t: t, engine: e, ear: newEar(), result: make(chan seen, 1), failed: make(chan string, 1)}
	server := httptest.NewServer(desk.handler())
	end := browser.run(t, server.URL)
	var got seen
	select {
	case got = <-desk.result:
	case why := <-desk.failed:
		err = errors.New("in the page: " + why)
	case <-time.After(180 * time.Second):
		err = errors.New("the page did not come to its end")
	}
	end()
	server.Close()
	desk.stop()
	if err == nil {
		err = desk.check(got)
	}
	return max(time.Duration(desk.stillHere.Load()), time.Duration(desk.stillThere.Load())), err
}

// desk is the server's side of the page.
type desk struct {
	t      *testing.T
	engine *Engine
	ear    *ear
	result chan seen
	failed chan string

	mu      sync.Mutex
	peer    *Peer
	cancel  context.CancelFunc
	talking sync.WaitGroup

	stillHere, stillThere atomic.Int64 // how long this process and the page stood still at most
}

func (d *desk) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write(browserPage)
	})
	handle := func(path string, do func(r *http.Request, body string) (string, error)) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err == nil {
				var reply string
				if reply, err = do(r, string(body)); err == nil {
					_, _ = io.WriteString(w, reply)
					return
				}
			}
			http.Error(w, err.Error(), http.StatusBadRequest)
		})
	}
	handle("/offer", func(r *http.Request, body string) (string, error) { return d.offer(body, r.URL.Query().Get("server")) })
	handle("/restart", func(_ *http.Request, body string) (string, error) { return d.peer.Restart(body) })
	handle("/heard", func(r *http.Request, _ string) (string, error) { return "", d.heard(r.URL.Query().Get("codec")) })
	handle("/silent", func(*http.Request, string) (string, error) { return "", d.silent() })
	handle("/step", func(_ *http.Request, body string) (string, error) {
		d.t.Log("the page: " + body)
		return "", nil
	})
	handle("/failed", func(r *http.Request, body string) (string, error) {
		still, err := strconv.ParseFloat(r.URL.Query().Get("still"), 64)
		d.stillThere.Store(int64(still * float64(time.Millisecond)))
		d.failed <- body
		return "", err
	})
	handle("/result", func(_ *http.Request, body string) (string, error) {
		var got seen
		err := json.Unmarshal([]byte(body), &got)
		d.stillThere.Store(int64(got.Still * float64(time.Millisecond)))
		d.result <- got
		return "", err
	})
	return mux
}

// offer makes a peer and sends each of its lines a tone. role is what the server
// is to be in the handshake. Browsers leave the choice to the server, which
// chooses to be passive unless the browser says that it is.
func (d *desk) offer(sdp, role string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stop()
	if role == "active" {
		sdp = strings.ReplaceAll(sdp, "a=setup:actpass", "a=setup:passive")
	}
	p, answer, err := d.engine.NewPeer(sdp, PeerOptions{})
	if err != nil {
		return "", err
	}
	d.peer = p
	p.Line(0).Listen(d.ear.listener())
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel = cancel
	d.talking.Go(func() { d.talk(ctx, p) })
	return answer, nil
}

// stop ends the talk.
func (d *desk) stop() {
	if d.cancel != nil {
		d.cancel()
		d.talking.Wait()
	}
}

// talk sends tones, a packet a line every 20 ms.
func (d *desk) talk(ctx context.Context, p *Peer) {
	sources := []media.Source{media.NewSource(), media.NewSource(), media.NewSource()}
	tick := time.NewTicker(media.FrameTime)
	defer tick.Stop()
	last := media.Now()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := media.Now()
		d.stillHere.Store(max(d.stillHere.Load(), int64(now-last-media.FrameTime)))
		last = now
		for i, frequency := range lineTones {
			var sound [media.FrameSamples]int16
			for s := range sound {
				sound[s] = int16(8000 * math.Sin(2*math.Pi*frequency*float64(n*media.FrameSamples+s)/8000))
			}
			packet := media.Packet{
				Source: sources[i], Codec: media.PCMA, Sequence: uint16(n), Timestamp: uint32(n * media.FrameSamples),
				Payload: make([]byte, media.FrameSamples), Arrived: media.Now(),
			}
			media.EncodeALaw(packet.Payload, sound[:])
			p.Line(i).WritePacket(&packet)
		}
	}
}

// heard waits until the microphone comes in a codec, and finds its tone where
// the codec is of G.711.
func (d *desk) heard(name string) error {
	deadline := time.After(patience)
	var sound []int16
	for foreign := 0; ; {
		select {
		case <-deadline:
			return fmt.Errorf("%s did not come, but %d others", name, foreign)
		case p := <-d.ear.packets:
			if p.Codec.String() != name {
				foreign++
				sound = nil
				continue
			}
			frame := make([]int16, len(p.sound))
			switch p.Codec {
			case media.PCMA:
				media.DecodeALaw(frame, []byte(p.sound))
			case media.PCMU:
				media.DecodeMuLaw(frame, []byte(p.sound))
			}
			if sound = append(sound, frame...); len(sound) < 4000 {
				continue
			}
			if f := pitch(sound[len(sound)-3200:]); p.Codec.G711() && math.Abs(f-micTone) > 10 {
				if len(sound) < 80000 { // the microphone may have only begun, or the machine stood still
					continue
				}
				return fmt.Errorf("%s has a tone of %.0f Hz, want %d", name, f, micTone)
			}
			d.t.Logf("%s after %d packets in other codecs", name, foreign)
			return nil
		}
	}
}

// silentTime is how long nothing may come from a microphone that was taken away.
const silentTime = 500 * time.Millisecond

// silent waits until the microphone's packets end.
func (d *desk) silent() error {
	deadline := time.After(patience)
	for {
		select {
		case <-deadline:
			return errors.New("the microphone's packets do not end")
		case <-d.ear.packets:
		case <-time.After(silentTime):
			return nil
		}
	}
}

// pitch is the strongest frequency of sound at 8 kHz, in steps of 10 Hz.
func pitch(sound []int16) float64 {
	best, at := 0.0, 0.0
	for f := 100.0; f < 3500; f += 10 {
		var re, im float64
		for i, s := range sound {
			phase := 2 * math.Pi * f * float64(i) / 8000
			re += float64(s) * math.Cos(phase)
			im += float64(s) * math.Sin(phase)
		}
		if power := re*re + im*im; power > best {
			best, at = power, f
		}
	}
	return at
}

func (d *desk) check(got seen) error {
	t := d.t
	var faults []error
	wrong := func(format string, arguments ...any) { faults = append(faults, fmt.Errorf(format, arguments...)) }
	var afterAnswer []float64
	for _, pair := range got.Times {
		afterAnswer = append(afterAnswer, pair[1])
	}
	t.Logf("ms from offer to connected, and from answer: %.0f", got.Times)
	slices.Sort(afterAnswer)
	if afterAnswer[len(afterAnswer)/2] > 500 {
		wrong("connecting took %.0f ms after the answer", afterAnswer)
	}
	for i, want := range lineTones {
		if i >= len(got.Tones) || math.Abs(got.Tones[i]-want) > 12 {
			wrong("the browser hears %.0f Hz on its lines, want %.0f", got.Tones, lineTones)
			break
		}
	}
	if got.State != "connected" {
		wrong("the connection is %s at the end", got.State)
	}
	if in := got.Stats.RemoteInbound; len(in) == 0 || in[0].RoundTripTimeMeasurements == 0 {
		wrong("the browser has no reports about its microphone: %+v", in)
	}
	if len(got.Stats.RemoteOutbound) != len(lineTones) {
		wrong("the browser has reports of %d lines", len(got.Stats.RemoteOutbound))
	}
	for _, in := range got.Stats.Inbound {
		if in.PacketsReceived < 100 || in.PacketsLost > 0 {
			wrong("the browser received %+v", in)
		}
	}
	stats := d.peer.Stats()
	t.Logf("%s; encodings by %s; %+v", got.Agent, got.Switched, stats)
	if !strings.Contains(stats.Profile, "GCM") {
		wrong("SRTP profile %s", stats.Profile)
	}
	if stats.Lost != 0 || stats.Bad != 0 || stats.Downlink.At == 0 {
		wrong("the server's figures: %+v", stats)
	}
	return errors.Join(faults...)
}
