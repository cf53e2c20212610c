package media

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"slices"
	"testing"
	"time"
)

// ffmpeg runs ffmpeg from its standard input to its output.
func ffmpeg(t testing.TB, in []byte, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed")
	}
	cmd := exec.Command(path, append([]string{"-v", "error"}, args...)...)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg %v: %v", args, err)
	}
	return out
}

func ffmpegDecodes(t testing.TB, sound []byte) []int16 {
	return fromBytes(ffmpeg(t, sound, "-f", "g722", "-i", "-", "-f", "s16le", "-"))
}

func ffmpegEncodes(t testing.TB, samples []int16) []byte {
	return ffmpeg(t, toBytes(samples), "-f", "s16le", "-ar", "16000", "-ac", "1", "-i", "-", "-c:a", "g722", "-f", "g722", "-")
}

func toBytes(samples []int16) []byte {
	var b []byte
	for _, s := range samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	return b
}

func fromBytes(b []byte) []int16 {
	samples := make([]int16, len(b)/2)
	for i := range samples {
		samples[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return samples
}

// toneAndSNR fits a sine of hz to samples and returns its level, of full scale,
// and its distance to all that is not the sine in dB.
func toneAndSNR(samples []int16, hz, rate float64) (level, snr float64) {
	var re, im float64
	for i, s := range samples {
		sin, cos := math.Sincos(2 * math.Pi * hz * float64(i) / rate)
		re += float64(s) * cos * 2 / float64(len(samples))
		im += float64(s) * sin * 2 / float64(len(samples))
	}
	var noise float64
	for i, s := range samples {
		sin, cos := math.Sincos(2 * math.Pi * hz * float64(i) / rate)
		rest := float64(s) - re*cos - im*sin
		noise += rest * rest
	}
	power := (re*re + im*im) / 2
	return math.Hypot(re, im) / math.MaxInt16, 10 * math.Log10(power/(noise/float64(len(samples))))
}

func encodeG722(samples []int16) []byte {
	sound := make([]byte, len(samples)/2)
	NewG722Encoder().Encode(sound, samples)
	return sound
}

func decodeG722(sound []byte) []int16 {
	samples := make([]int16, 2*len(sound))
	NewG722Decoder().Decode(samples, sound)
	return samples
}

func TestG722ToneKeepsItsPitchAndIsClean(t *testing.T) {
	for _, hz := range []float64{440, 1000, 5000} {
		for _, level := range []float64{0.03, 0.3, 0.9} {
			tone := ToneAt(hz, time.Second, level, 16000)
			ways := map[string]func() []int16{
				"ours to ours":   func() []int16 { return decodeG722(encodeG722(tone)) },
				"ours to ffmpeg": func() []int16 { return ffmpegDecodes(t, encodeG722(tone)) },
				"ffmpeg to ours": func() []int16 { return decodeG722(ffmpegEncodes(t, tone)) },
			}
			for name, way := range ways {
				t.Run(fmt.Sprintf("%g Hz at %g %s", hz, level, name), func(t *testing.T) {
					got := way()[1600:]
					if found, share := DominantToneAt(got, 16000); math.Abs(found-hz) > 2 || share < 0.99 {
						t.Errorf("heard %.1f Hz, share %.3f", found, share)
					}
					// Whole periods, so that the fit is exact.
					heard, snr := toneAndSNR(got[:8000], hz, 16000)
					want := 20.0
					if hz > 4000 && level < 0.1 {
						want = 15 // two bits of the upper band
					}
					if snr < want || math.Abs(heard/level-1) > 0.1 {
						t.Errorf("SNR %.1f dB, level %.3f of %.3f", snr, heard, level)
					}
					t.Logf("SNR %.1f dB", snr)
				})
			}
		}
	}
}

func TestG722DecodesAnythingExactlyAsFFmpeg(t *testing.T) {
	noise := rand.NewChaCha8([32]byte{7})
	wild := make([]byte, 16000)
	_, _ = noise.Read(wild)
	loud := make([]int16, 32000)
	random := rand.New(noise)
	for i := range loud {
		loud[i] = int16(random.IntN(1 << 16))
	}
	for name, sound := range map[string][]byte{
		"random codes": wild, "loud noise": encodeG722(loud), "a tone": encodeG722(ToneAt(1234, time.Second, 1, 16000)),
	} {
		t.Run(name, func(t *testing.T) {
			if got, want := decodeG722(sound), ffmpegDecodes(t, sound); !slices.Equal(got, want) {
				at := 0
				for got[at] == want[at] {
					at++
				}
				t.Errorf("from sample %d of %d on: %d, ffmpeg %d", at, len(want), got[at], want[at])
			}
		})
	}
}

func TestG722EncodesVeryNearlyAsFFmpeg(t *testing.T) {
	sweep := make([]int16, 32000)
	for i := range sweep {
		at := float64(i) / 16000
		sweep[i] = int16(9000 * math.Sin(2*math.Pi*(100+1800*at)*at))
	}
	got, want := encodeG722(sweep), ffmpegEncodes(t, sweep)
	same := 0
	for i := range got {
		if got[i] == want[i] {
			same++
		}
	}
	if share := float64(same) / float64(len(got)); share < 0.99 {
		t.Errorf("%.3f of the codes are the same", share)
	}
}

func TestG722SilenceStaysSilence(t *testing.T) {
	silence := bytes.Repeat([]byte{Silence(G722)}, 8000)
	for name, sound := range map[string][]byte{"constant": silence, "encoded": encodeG722(make([]int16, 16000))} {
		for decoder, samples := range map[string][]int16{"ours": decodeG722(sound), "ffmpeg": ffmpegDecodes(t, sound)} {
			most := int16(0)
			for _, s := range samples {
				most = max(most, s, -s)
			}
			if most > 4 || name == "constant" && most > 0 {
				t.Errorf("%s silence decoded by %s has a sample of %d", name, decoder, most)
			}
		}
	}
	// Silence after sound: soon nothing is left but a hum of 8 kHz, which nobody
	// hears, from the rounding in the upper band's predictor.
	after := decodeG722(append(encodeG722(ToneAt(5000, time.Second, 0.9, 16000)), silence...))[16000+1600:]
	if level := rms(after); level > 40 {
		t.Errorf("level %.1f a tenth of a second after a loud tone", level)
	}
}

func TestG722NarrowIsTelephoneSound(t *testing.T) {
	for _, hz := range []float64{300, 1000, 2000, 3000, 3400} {
		tone := Tone(hz, time.Second, 0.3)
		sound := make([]byte, len(tone))
		NewG722NarrowEncoder().Encode(sound, tone)
		wide := decodeG722(sound)[1600:]
		level, snr := toneAndSNR(wide[:8000], hz, 16000)
		image, _ := toneAndSNR(wide[:8000], 8000-hz, 16000)
		if math.Abs(20*math.Log10(level/0.3)) > 1 || snr < 20 || image > level/100 {
			t.Errorf("%g Hz upwards: level %.3f, SNR %.1f dB, image %.5f", hz, level, snr, image)
		}
		narrow := make([]int16, 8000)
		NewG722NarrowDecoder().Decode(narrow, encodeG722(ToneAt(hz, time.Second, 0.3, 16000)))
		if level, snr := toneAndSNR(narrow[800:4800], hz, 8000); math.Abs(20*math.Log10(level/0.3)) > 1 || snr < 20 {
			t.Errorf("%g Hz downwards: level %.3f, SNR %.1f dB", hz, level, snr)
		}
	}
	// What a telephone cannot carry must not come back as something else.
	narrow := make([]int16, 8000)
	NewG722NarrowDecoder().Decode(narrow, encodeG722(ToneAt(5000, time.Second, 0.3, 16000)))
	if level, _ := toneAndSNR(narrow[800:4800], 3000, 8000); level > 0.001 {
		t.Errorf("5 kHz comes back as 3 kHz of level %.5f", level)
	}
}

func TestG722BearsLoss(t *testing.T) {
	sound := encodeG722(ToneAt(1000, 2*time.Second, 0.3, 16000))
	for at := 0; at+10*FrameSamples < len(sound)/2; at += 5 * FrameSamples {
		sound = slices.Delete(sound, at, at+FrameSamples)
	}
	got := decodeG722(sound)
	if _, snr := toneAndSNR(got[len(got)-8000:], 1000, 16000); snr < 20 {
		t.Errorf("SNR %.1f dB after losses", snr)
	}
}

func FuzzG722(f *testing.F) {
	f.Add([]byte{0, 0xff, 0x80})
	f.Add(bytes.Repeat([]byte{0x24}, 400))
	f.Fuzz(func(t *testing.T, sound []byte) {
		again := make([]byte, len(sound))
		NewG722Encoder().Encode(again, decodeG722(sound))
	})
}

func BenchmarkG722(b *testing.B) {
	wide := ToneAt(440, FrameTime, 0.3, 16000)
	narrow := wide[:FrameSamples]
	sound := make([]byte, FrameSamples)
	encoder, decoder := NewG722Encoder(), NewG722Decoder()
	narrowEncoder, narrowDecoder := NewG722NarrowEncoder(), NewG722NarrowDecoder()
	for name, step := range map[string]func(){
		"encode": func() { encoder.Encode(sound, wide) }, "encode narrow": func() { narrowEncoder.Encode(sound, narrow) },
		"decode": func() { decoder.Decode(wide, sound) }, "decode narrow": func() { narrowDecoder.Decode(narrow, sound) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				step()
			}
		})
	}
}
