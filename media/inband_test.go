package media

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// key makes the tones of a telephone key. level is the peak of the lower one,
// twist how much louder the higher one is, in dB; off is by which part both
// frequencies are off.
func keySound(key byte, d time.Duration, level, twist, off float64) []int16 {
	at := strings.IndexByte(keypad, key)
	samples := make([]int16, d*sampleRate/time.Second)
	low, high := keyTones[at/4]*(1+off), keyTones[4+at%4]*(1+off)
	for i := range samples {
		t := 2 * math.Pi * float64(i) / sampleRate
		samples[i] = int16(level * math.MaxInt16 * (math.Sin(low*t) + math.Pow(10, twist/20)*math.Sin(high*t+1)))
	}
	return samples
}

func quiet(d time.Duration) []int16 { return make([]int16, d*sampleRate/time.Second) }

func withNoise(samples []int16, rms float64) []int16 {
	random := rand.New(rand.NewPCG(1, 2))
	out := make([]int16, len(samples))
	for i, s := range samples {
		out[i] = int16(min(max(float64(s)+rms*random.NormFloat64(), math.MinInt16), math.MaxInt16))
	}
	return out
}

// keysIn sends sound in packets of a size and returns the keys that are found.
// Packets for which lost says so do not come.
func keysIn(samples []int16, c Codec, size int, lost func(n int) bool) string {
	var sound []byte
	switch c {
	case PCMA:
		sound = make([]byte, len(samples))
		EncodeALaw(sound, samples)
	case PCMU:
		sound = make([]byte, len(samples))
		EncodeMuLaw(sound, samples)
	case G722:
		sound = make([]byte, len(samples))
		NewG722NarrowEncoder().Encode(sound, samples)
	}
	var k ToneKeys
	var found []byte
	for n := 0; len(sound) > 0; n++ {
		part := sound[:min(size, len(sound))]
		sound = sound[len(part):]
		if lost == nil || !lost(n) {
			found = k.Receive(&Packet{Source: 1, Codec: c, Sequence: uint16(65530 + n), Timestamp: uint32(n * size), Payload: part}, found)
		}
	}
	return string(found)
}

// dial is keys with pauses.
func dialled(keys string, on, off time.Duration, level, twist, deviation float64) []int16 {
	samples := quiet(133 * time.Millisecond)
	for i := range len(keys) {
		samples = append(samples, keySound(keys[i], on, level, twist, deviation)...)
		samples = append(samples, quiet(off)...)
	}
	return samples
}

const allKeys = "1234567890*#ABCD1155"

func TestToneKeysAreFound(t *testing.T) {
	const ms = time.Millisecond
	rows := []struct {
		name             string
		on, off          time.Duration
		level, twist     float64
		deviation, noise float64
	}{
		{"100 ms", 100 * ms, 100 * ms, 0.2, 0, 0, 0},
		{"as short as is allowed", 40 * ms, 40 * ms, 0.2, 0, 0, 0},
		{"odd lengths", 43 * ms, 57 * ms, 0.2, 0, 0, 0},
		{"held long", 900 * ms, 70 * ms, 0.2, 0, 0, 0},
		{"quiet", 50 * ms, 50 * ms, 0.02, 0, 0, 0},
		{"loud", 50 * ms, 50 * ms, 0.45, 0, 0, 0},
		{"higher tone louder by 4 dB", 50 * ms, 50 * ms, 0.2, 4, 0, 0},
		{"lower tone louder by 8 dB", 50 * ms, 50 * ms, 0.2, -8, 0, 0},
		{"1.5 % too high", 60 * ms, 60 * ms, 0.2, 0, 0.015, 0},
		{"1.5 % too low", 60 * ms, 60 * ms, 0.2, 0, -0.015, 0},
		{"noise of 15 dB less", 60 * ms, 60 * ms, 0.2, 0, 0, 0.2 * math.MaxInt16 / math.Sqrt2 / 5.6},
		{"twist and noise", 70 * ms, 70 * ms, 0.2, -6, 0.01, 800},
	}
	for _, row := range rows {
		for i, codec := range []Codec{PCMA, PCMU, G722} {
			samples := withNoise(dialled(allKeys, row.on, row.off, row.level, row.twist, row.deviation), row.noise)
			for _, size := range [][]int{{80, 160, 240, 480}, {160}, {480}}[i] {
				if got := keysIn(samples, codec, size, nil); got != allKeys {
					t.Errorf("%s in %v, %d a packet: found %q", row.name, codec, size, got)
				}
			}
		}
	}
}

func TestWhereverAKeyBeginsItIsFound(t *testing.T) {
	for shift := 0; shift < keyBlock; shift += 3 {
		samples := append(make([]int16, shift), dialled("15D", 40*time.Millisecond, 40*time.Millisecond, 0.2, 0, 0)...)
		if got := keysIn(samples, PCMA, 160, nil); got != "15D" {
			t.Errorf("shifted by %d: %q", shift, got)
		}
	}
}

func TestWhatIsNoKeyIsLeftOut(t *testing.T) {
	const ms = time.Millisecond
	single := Tone(941, 500*ms, 0.3)
	rows := map[string][]int16{
		"too short":                dialled("15D", 20*ms, 60*ms, 0.2, 0, 0),
		"4 % too high":             dialled("15D", 100*ms, 60*ms, 0.2, 0, 0.04),
		"4 % too low":              dialled("15D", 100*ms, 60*ms, 0.2, 0, -0.04),
		"one tone alone":           single,
		"too much twist":           dialled("15D", 100*ms, 60*ms, 0.05, 12, 0),
		"hardly to be heard":       dialled("15D", 100*ms, 60*ms, 0.003, 0, 0),
		"noise":                    withNoise(quiet(20*time.Second), 5000),
		"a ring-back tone":         Tone(425, time.Second, 0.5),
		"a dial tone of two tones": mixed(Tone(350, time.Second, 0.3), Tone(440, time.Second, 0.3)),
		"a key under other sound":  mixed(dialled("15D", 100*ms, 60*ms, 0.1, 0, 0), Tone(300, time.Second, 0.3)),
		"tones with harmonics":     mixed(dialled("1", 300*ms, 60*ms, 0.2, 0, 0), Tone(2*697, 433*ms, 0.12)),
	}
	for name, samples := range rows {
		if got := keysIn(samples, PCMA, 160, nil); got != "" {
			t.Errorf("%s: found %q", name, got)
		}
	}
}

func mixed(a, b []int16) []int16 {
	out := make([]int16, min(len(a), len(b)))
	for i := range out {
		out[i] = int16(min(max(int(a[i])+int(b[i]), math.MinInt16), math.MaxInt16))
	}
	return out
}

func TestALostPacketDoesNotMakeTwoKeysOfOne(t *testing.T) {
	samples := dialled("5", 200*time.Millisecond, 200*time.Millisecond, 0.2, 0, 0)
	for n := range len(samples) / 160 {
		if got := keysIn(samples, PCMA, 160, func(i int) bool { return i == n }); got != "5" {
			t.Errorf("without packet %d: %q", n, got)
		}
	}
}

func TestAPauseThatIsNotSentPartsTwoKeys(t *testing.T) {
	var k ToneKeys
	var found []byte
	sound := make([]byte, 800)
	EncodeALaw(sound, keySound('5', 100*time.Millisecond, 0.2, 0, 0))
	for i := range 10 {
		at := uint32(i * 160)
		if i >= 5 {
			at += 8000 // silence suppression: the sequence goes on, the time jumps
		}
		found = k.Receive(&Packet{Source: 1, Codec: PCMA, Sequence: uint16(i), Timestamp: at, Payload: sound[i%5*160:][:160]}, found)
		found = k.Receive(&Packet{Source: 1, Codec: PCMA, Sequence: uint16(i), Timestamp: at, Payload: sound[i%5*160:][:160]}, found)
	}
	if string(found) != "55" {
		t.Errorf("found %q", found)
	}
}

func TestMusicIsNoKey(t *testing.T) {
	music := HoldMusic()
	for _, codec := range []Codec{PCMA, PCMU} {
		var k ToneKeys
		for n := range music.Frames() {
			if keys := k.Receive(&Packet{Source: 1, Codec: codec, Sequence: uint16(n), Timestamp: uint32(n * 160), Payload: music.Frame(codec, n)}, nil); len(keys) > 0 {
				t.Errorf("found %q in the music's second %d", keys, n/50)
			}
		}
	}
}

// spoken has a voice say a text, at 8 kHz.
func spoken(t *testing.T, voice, pitch, text string) []int16 {
	t.Helper()
	wav, err := exec.Command("espeak-ng", "-v", voice, "-p", pitch, "--stdout", text).Output()
	if err != nil {
		t.Skip("no voice to speak with:", err)
	}
	rate := int(binary.LittleEndian.Uint32(wav[24:]))
	data := wav[bytes.Index(wav, []byte("data"))+8:]
	in := make([]int16, len(data)/2)
	for i := range in {
		in[i] = int16(binary.LittleEndian.Uint16(data[2*i:]))
	}
	out := make([]int16, len(in)*sampleRate/rate)
	for i := range out {
		at := float64(i) * float64(rate) / sampleRate
		whole := int(at)
		if whole+1 < len(in) {
			part := at - float64(whole)
			out[i] = int16(float64(in[whole])*(1-part) + float64(in[whole+1])*part)
		}
	}
	return out
}

func TestSpeechIsNoKey(t *testing.T) {
	texts := map[string]string{
		"en": "Thank you for calling. Your call is important to us. One two three four five six seven eight nine zero. " +
			"Peter Piper picked a peck of pickled peppers; how much wood would a woodchuck chuck? We need thirty three green sheep, please. Oooooh. Eeeeeh. ",
		"fr": "Merci de votre appel. Un deux trois quatre cinq six sept huit neuf zéro. Les chaussettes de l'archiduchesse sont-elles sèches? " +
			"Nous vous prions de bien vouloir patienter, un conseiller va vous répondre. Ouiiiii. Euuuuh. ",
		"de": "Guten Tag, Sie sprechen mit der Zentrale. Eins zwei drei vier fünf sechs sieben acht neun null. Fischers Fritze fischt frische Fische. ",
	}
	total := time.Duration(0)
	for language, text := range texts {
		for _, variant := range []string{"", "+f2", "+m3"} {
			for _, pitch := range []string{"20", "80"} {
				samples := spoken(t, language+variant, pitch, strings.Repeat(text, 2))
				total += time.Duration(len(samples)) * time.Second / sampleRate
				if got := keysIn(samples, PCMA, 160, nil); got != "" {
					t.Errorf("%s%s, pitch %s: found %q", language, variant, pitch, got)
				}
			}
		}
	}
	t.Logf("%v of speech", total.Round(time.Second))
}

func TestFindingKeysAllocatesNothing(t *testing.T) {
	for _, codec := range []Codec{PCMA, PCMU, G722} {
		var k ToneKeys
		p := Packet{Source: 1, Codec: codec, Payload: make([]byte, 160)}
		k.Receive(&p, nil)
		var room [4]byte
		if n := testing.AllocsPerRun(1000, func() {
			p.Sequence++
			p.Timestamp += 160
			k.Receive(&p, room[:0])
		}); n != 0 {
			t.Errorf("%v: %v allocations a packet", codec, n)
		}
	}
}

func BenchmarkToneKeys(b *testing.B) {
	for _, codec := range []Codec{PCMA, G722} {
		b.Run(fmt.Sprint(codec), func(b *testing.B) {
			b.ReportAllocs()
			var k ToneKeys
			p := Packet{Source: 1, Codec: codec, Payload: make([]byte, 160)}
			sound := withNoise(quiet(FrameTime), 3000)
			EncodeALaw(p.Payload, sound)
			var room [4]byte
			for b.Loop() {
				p.Sequence++
				p.Timestamp += 160
				k.Receive(&p, room[:0])
			}
		})
	}
}
