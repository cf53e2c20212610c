package media

import (
	"math"
	"time"
)

// The sounds that Carillon has of its own. They are computed, not recorded, so
// nobody's rights are on them. Each call computes anew, in some tens of
// milliseconds at most: keep the result.

// Beep is what comes before a message is recorded: 1 kHz for 0.3 s.
func Beep() *Prompt {
	return NewPromptFromPCM(faded(Tone(1000, 300*time.Millisecond, 0.25), 80))
}

// RingBack is what a caller hears while a telephone rings: 425 Hz, 1.5 s on and
// 3.5 s off, to be played in a loop: a cadence common in Europe (ITU-T E.180).
func RingBack() *Prompt {
	on := faded(Tone(425, 1500*time.Millisecond, 0.15), 80)
	return NewPromptFromPCM(append(on, make([]int16, 3500*sampleRate/1000)...))
}

// BusyTone is what who calls somebody engaged hears: 425 Hz, 0.5 s on and as long
// off, for 3 s (ITU-T E.180).
func BusyTone() *Prompt { return cadence(500*time.Millisecond, 3) }

// CongestionTone is what who cannot be connected hears: as BusyTone, twice as fast.
func CongestionTone() *Prompt { return cadence(250*time.Millisecond, 6) }

// cadence is 425 Hz that is on and off in turn, n times.
func cadence(half time.Duration, n int) *Prompt {
	on := faded(Tone(425, half, 0.15), 80)
	once := append(on, make([]int16, len(on))...)
	var all []int16
	for range n {
		all = append(all, once...)
	}
	return NewPromptFromPCM(all)
}

// faded fades n samples in and as many out, against clicks.
func faded(samples []int16, n int) []int16 {
	for i := range n {
		gain := float64(i) / float64(n)
		last := len(samples) - 1 - i
		samples[i] = int16(float64(samples[i]) * gain)
		samples[last] = int16(float64(samples[last]) * gain)
	}
	return samples
}

// The hold music: eight bars of broken chords over a bass note, as MIDI note
// numbers. All notes lie where telephones hear them, with their partials.
const (
	beatSamples = 3200 // 0.4 s: quavers at 75 crotchets a minute
	barBeats    = 8
	musicLevel  = 0.10 // RMS of full scale: -20 dBFS
)

var holdChords = [...]struct {
	bass  int
	notes [4]int
}{
	{48, [4]int{60, 64, 67, 71}}, // C major seventh
	{45, [4]int{57, 60, 64, 67}}, // A minor seventh
	{53, [4]int{60, 65, 69, 72}}, // F
	{55, [4]int{59, 62, 67, 71}}, // G
	{52, [4]int{59, 64, 67, 71}}, // E minor
	{45, [4]int{60, 64, 69, 72}}, // A minor
	{50, [4]int{62, 65, 69, 72}}, // D minor seventh
	{55, [4]int{62, 65, 67, 71}}, // G seventh
}

// figure is the order in which a chord's notes are played in a bar, one a beat.
var figure = [barBeats]int{0, 1, 2, 3, 2, 3, 1, 2}

// HoldMusic is 25.6 s of calm music to be played in a loop. Notes that sound
// beyond its end go on at its beginning, so that the loop has no seam.
func HoldMusic() *Prompt {
	sum := make([]float64, len(holdChords)*barBeats*beatSamples)
	for bar, chord := range holdChords {
		start := bar * barBeats * beatSamples
		addNote(sum, start, chord.bass, 3.0, 0.8)
		addNote(sum, start+4*beatSamples, chord.bass+12, 1.8, 0.4)
		for beat, n := range figure {
			loudness := 0.55
			if beat%4 == 0 {
				loudness = 0.7
			}
			addNote(sum, start+beat*beatSamples, chord.notes[n], 1.6, loudness)
		}
	}
	power := 0.0
	for _, s := range sum {
		power += s * s
	}
	gain := musicLevel * math.MaxInt16 / math.Sqrt(power/float64(len(sum)))
	samples := make([]int16, len(sum))
	for i, s := range sum {
		samples[i] = int16(min(max(s*gain, math.MinInt16), math.MaxInt16))
	}
	return NewPromptFromPCM(samples)
}

// addNote adds a plucked note with four partials that fades over about seconds.
// Each partial turns as a complex number from sample to sample, which is much
// quicker than a sine for each.
func addNote(sum []float64, start, note int, seconds, loudness float64) {
	const attack = 160 // 20 ms: soft, and no click
	hz := 440 * math.Pow(2, float64(note-69)/12)
	length := int(seconds * sampleRate)
	for partial := 1; partial <= 4; partial++ {
		f := hz * float64(partial)
		if f > 3400 {
			break
		}
		// Higher partials are weaker and die sooner, as on a string.
		level := loudness / float64(partial*partial)
		decay := math.Exp(-4 * float64(1+partial) / 2 / float64(length))
		sin, cos := math.Sincos(2 * math.Pi * f / sampleRate)
		sin, cos = sin*decay, cos*decay
		x, y := level, 0.0
		at := start % len(sum)
		for i := range length {
			gain := 1.0
			if i < attack {
				gain = float64(i) / attack
			} else if rest := length - i; rest < attack {
				gain = float64(rest) / attack
			}
			sum[at] += y * gain
			x, y = x*cos-y*sin, x*sin+y*cos
			if at++; at == len(sum) {
				at = 0
			}
		}
	}
}
