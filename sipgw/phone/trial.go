package phone

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/sdp"
)

// TrialOptions are what a trial call does.
type TrialOptions struct {
	URI        string  // whom to call; required
	From       string  // the caller's number
	Codec      string  // PCMA, PCMU or G722, offered before the others; "" for PCMA
	ToneHz     float64 // a tone to play, 0 for none; below 4000, or 8000 in G.722
	PlayPath   string  // a WAV file to play once, instead of a tone
	Presses    []Press
	RecordPath string        // a WAV file to write what was heard to
	HangUp     time.Duration // after the answer; 0 for when the peer does
	RingTime   time.Duration // how long to ring at most; 0 for 60 s
}

// TrialResult is what happened, for people and programs.
type TrialResult struct {
	Answered        bool         `json:"answered"`
	Status          int          `json:"status"` // the final SIP response
	Reason          string       `json:"reason"`
	EndedBy         string       `json:"ended_by"` // "us" or "peer"
	SetupMS         float64      `json:"setup_ms"` // from the INVITE to its 200
	DurationMS      float64      `json:"duration_ms"`
	Codec           string       `json:"codec,omitempty"`
	PacketsSent     uint64       `json:"packets_sent"`
	PacketsReceived uint64       `json:"packets_received"`
	PacketsLost     int64        `json:"packets_lost"`
	JitterMS        float64      `json:"jitter_ms"`
	DigitsSent      string       `json:"digits_sent"`
	ToneHz          float64      `json:"tone_hz"`    // the strongest tone of the last seconds heard
	ToneShare       float64      `json:"tone_share"` // of the power, 0 to 1
	Recording       string       `json:"recording,omitempty"`
	Events          []TrialEvent `json:"events"`
}

// TrialEvent is an Event with its time in milliseconds.
type TrialEvent struct {
	AtMS float64 `json:"at_ms"`
	What string  `json:"what"`
}

const (
	defaultRingTime = time.Minute
	// maxRecording bounds what a trial keeps of what it hears.
	maxRecording = 10 * time.Minute
	// toneWindow is how much of the end of a call the tone is looked for in.
	toneWindow = 2 * time.Second
)

// RunTrial makes one call and returns what happened. A call that is refused is
// a result, not an error; errors are options that cannot be followed and a
// recording that cannot be written. The end of ctx hangs up.
func RunTrial(ctx context.Context, o TrialOptions) (TrialResult, error) {
	codec, err := o.codec()
	if err != nil {
		return TrialResult{}, err
	}
	prompt, err := o.prompt(codec)
	if err != nil {
		return TrialResult{}, err
	}
	local, err := LocalFor(ctx, o.URI)
	if err != nil {
		return TrialResult{}, err
	}
	p, err := New(Config{Local: local})
	if err != nil {
		return TrialResult{}, err
	}
	defer p.Close()
	// Only now, so that options that cannot be followed leave an old file alone.
	var recording *os.File
	if o.RecordPath != "" {
		recording, err = os.OpenFile(o.RecordPath, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
		if err != nil {
			return TrialResult{}, fmt.Errorf("record: %w", err)
		}
		defer recording.Close()
	}
	keep := toneWindow
	if recording != nil {
		keep = maxRecording
	}
	c, err := p.Dial(ctx, Options{URI: o.URI, From: o.From, Codecs: sdp.Preferring(codec), Keep: keep})
	if err != nil {
		return TrialResult{}, err
	}
	result := TrialResult{Events: []TrialEvent{}}
	o.run(ctx, c, prompt, &result)
	result.fill(c)
	if recording != nil {
		result.Recording = o.RecordPath
		samples, rate := c.sound()
		if err := writeWAV(recording, samples, rate); err != nil {
			return result, fmt.Errorf("record: %w", err)
		}
	}
	return result, nil
}

// run follows the call to its end.
func (o TrialOptions) run(ctx context.Context, c *Call, prompt *media.Prompt, result *TrialResult) {
	ring := o.RingTime
	if ring == 0 {
		ring = defaultRingTime
	}
	ringing, cancel := context.WithTimeout(ctx, ring)
	defer cancel()
	if err := c.WaitAnswer(ringing); err != nil {
		c.Hangup()
		select {
		case <-c.Done():
		case <-time.After(farewell):
		}
		return
	}
	answered := time.Now()
	result.Answered = true
	if prompt != nil {
		c.Play(prompt, o.PlayPath == "")
	}
	var hangUp <-chan time.Time
	if o.HangUp > 0 {
		hangUp = time.After(o.HangUp)
	}
	for presses := o.Presses; ; {
		var press <-chan time.Time
		if len(presses) > 0 {
			press = time.After(time.Until(answered.Add(presses[0].At)))
		}
		select {
		case <-press:
			if c.SendDigits(presses[0].Keys) {
				result.DigitsSent += presses[0].Keys
			}
			presses = presses[1:]
			continue
		case <-hangUp:
		case <-ctx.Done():
		case <-c.Done():
		}
		break
	}
	c.Hangup()
	<-c.Done()
	result.DurationMS = milliseconds(time.Since(answered))
}

// fill reads off the call what is known at its end.
func (r *TrialResult) fill(c *Call) {
	ending, stats := c.Ending(), c.Stats()
	r.Status, r.Reason, r.EndedBy = ending.Status, ending.Reason, ending.By
	if r.Answered {
		r.Status = 200
		r.Codec = c.Codec().String()
	}
	r.SetupMS = milliseconds(c.Setup())
	r.PacketsSent, r.PacketsReceived, r.PacketsLost = stats.Sent, stats.Received, stats.Lost
	r.JitterMS = milliseconds(stats.Jitter)
	heard, rate := c.sound()
	window := int(toneWindow * time.Duration(rate) / time.Second)
	r.ToneHz, r.ToneShare = media.DominantToneAt(heard[max(0, len(heard)-window):], rate)
	r.ToneHz, r.ToneShare = math.Round(10*r.ToneHz)/10, math.Round(1000*r.ToneShare)/1000
	for _, e := range c.Events() {
		r.Events = append(r.Events, TrialEvent{milliseconds(e.At), e.What})
	}
}

// sound is what was heard, in the width of the call's codec.
func (c *Call) sound() (samples []int16, rate int) {
	if c.Codec() == media.G722 {
		return c.HeardWide(), 16000
	}
	return c.Heard(), 8000
}

func milliseconds(d time.Duration) float64 { return math.Round(float64(d)/1e4) / 100 }

// codec is the one to prefer.
func (o TrialOptions) codec() (media.Codec, error) {
	if o.Codec == "" {
		return media.PCMA, nil
	}
	for _, c := range sdp.Preferring(media.NoCodec) {
		if c.String() == o.Codec {
			return c, nil
		}
	}
	return media.NoCodec, fmt.Errorf("codec: %q is none of PCMA, PCMU and G722", o.Codec)
}

// prompt is what the trial plays, or nil.
func (o TrialOptions) prompt(codec media.Codec) (*media.Prompt, error) {
	highest := 4000.0
	if codec == media.G722 {
		highest = 8000
	}
	switch {
	case o.ToneHz != 0 && o.PlayPath != "":
		return nil, errors.New("tone and play cannot be used together")
	case o.ToneHz < 0 || o.ToneHz > highest || math.IsNaN(o.ToneHz):
		return nil, fmt.Errorf("tone: %g Hz is not from 0 to %g", o.ToneHz, highest)
	case o.ToneHz > 0:
		// A second of a whole number of periods repeats without a click.
		return media.NewPromptFromWidePCM(media.ToneAt(math.Round(o.ToneHz), time.Second, 0.3, 16000)), nil
	case o.PlayPath == "":
		return nil, nil
	}
	f, err := os.Open(o.PlayPath)
	if err != nil {
		return nil, fmt.Errorf("play: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("play: %w", err)
	}
	w, err := media.ParseWAV(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("play %s: %w", o.PlayPath, err)
	}
	if w.SampleRate != 8000 && w.SampleRate != 16000 {
		return nil, fmt.Errorf("play %s: the sample rate is %d Hz, want 8000 or 16000 Hz (ffmpeg -i FILE -ar 8000 OUT.wav makes one)", o.PlayPath, w.SampleRate)
	}
	channels, err := w.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("play %s: %w", o.PlayPath, err)
	}
	if w.SampleRate == 16000 {
		return media.NewPromptFromWidePCM(channels[0]), nil
	}
	return media.NewPromptFromPCM(channels[0]), nil
}

// writeWAV writes 16-bit samples at a rate in Hz as a WAV file.
func writeWAV(f *os.File, samples []int16, rate int) error {
	data := media.AppendWAVHeader(nil, media.WAV{Channels: 1, SampleRate: rate, DataBytes: int64(2 * len(samples))})
	for _, s := range samples {
		data = binary.LittleEndian.AppendUint16(data, uint16(s))
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Close()
}
