package media

import "math"

// How keys are told from other sound. A window slides over the sound by a block
// at a time; it is long enough to tell neighbouring tones apart, and short
// enough for two of them to lie within a key of 40 ms, the shortest that must be
// found (ITU-T Q.24).
const (
	keyBlock  = 80 // samples at 8 kHz, 10 ms
	keyWindow = 2 * keyBlock
	// keyOn is for how many windows in a row a key must be heard, keyOff for how
	// many it must not be heard before it counts as released: a pause of 40 ms is
	// five, a gap of 10 ms at most three.
	keyOn, keyOff = 2, 4
	// keyFloor is the least mean power: 200 of 32768, some 10 dB below what
	// Q.24 asks for.
	keyFloor = 200 * 200
	// keyPurity is which part of the power must lie in the two tones. Speech is
	// spread wider; noise 9 dB below the tones is not too much.
	keyPurity = 0.85
	// keyHint is which part of the power must be there for a closer look. A tone
	// that is a little off shows less than it has.
	keyHint = 0.3
	// keyPeak is by how much a tone must exceed the others of its group, 6 dB.
	keyPeak = 4
	// The higher tone may be louder by 6 dB, the lower one by 9 (Q.24: 4 and 8).
	keyTwistHigh, keyTwistLow = 4.0, 8.0
	// keyHarmonic is which part of a tone may be at twice its frequency. Voices
	// have much there, generators have nothing.
	keyHarmonic = 0.2
	// keyOffset is how far off a frequency may be. Q.23 allows 1.5 % at the
	// sender, Q.24 has 3.5 % refused.
	keyOffset = 0.025
	// keySteady is by how much the power may change from window to window, 3 dB.
	keySteady = 2
)

// keyTones are the frequencies of keys in Hz: four rows and four columns
// (ITU-T Q.23).
var keyTones = [8]float64{697, 770, 852, 941, 1209, 1336, 1477, 1633}

// keypad is which key has which row and column.
const keypad = "123A" + "456B" + "789C" + "*0#D"

// toneConstants are what the sums over a tone need.
type toneConstants struct {
	turn     float64    // radians a sample
	feedback float64    // of Goertzel's recursion
	sample   complex128 // a sample back
	block    complex128 // a block back
	last     complex128 // to a block's first sample from its last
	limit    float64    // of the phase that two windows may be apart
}

var toneTable = func() (t [8]toneConstants) {
	for i, hz := range keyTones {
		w := 2 * math.Pi * hz / sampleRate
		back := func(n float64) complex128 { return complex(math.Cos(w*n), -math.Sin(w*n)) }
		t[i] = toneConstants{w, 2 * math.Cos(w), back(1), back(keyBlock), back(keyBlock - 1), w * keyOffset * keyBlock}
	}
	return t
}()

// ToneKeys finds telephone keys in sound, for telephones that send them so: each
// is the sum of two tones. What people say and music must not be taken for keys.
// The zero value is ready to use; it allocates nothing but a decoder once, and
// is not safe for concurrent use.
type ToneKeys struct {
	source    Source
	sequence  uint16
	timestamp uint32 // that continues the sound
	wide      *G722NarrowDecoder

	samples [keyWindow]int16 // the block before and the present one
	filled  int              // samples of the present block
	whole   bool             // the block before is there
	former  [8]complex128    // sums over the tones of the block before
	energy  float64          // of the block before

	heard  byte       // key of the window before, 0 for none
	lower  complex128 // its tones
	higher complex128
	power  float64
	count  int // windows in a row with it
	missed int // windows in a row without the key that is held
	held   byte
}

// Receive takes a packet of G.711 or G.722 and appends the keys that were found
// with it to keys. Others, and packets that come too late, it leaves out.
func (k *ToneKeys) Receive(p *Packet, keys []byte) []byte {
	if !p.Codec.telephone() {
		return keys
	}
	step := int16(p.Sequence - k.sequence)
	switch {
	case p.Source != k.source:
		*k = ToneKeys{source: p.Source, wide: k.wide}
		if k.wide != nil {
			k.wide.Reset()
		}
	case step <= 0 && step > -lateWindow:
		return keys
	case p.Timestamp != k.timestamp:
		k.filled, k.whole, k.heard, k.count = 0, false, 0, 0
		// A pause of the sender's is silence. What was lost is not: the key that
		// is held may go on behind it.
		if step == 1 {
			k.held = 0
		}
	}
	k.sequence, k.timestamp = p.Sequence, p.Timestamp+uint32(len(p.Payload))
	for sound := p.Payload; len(sound) > 0; {
		n := min(len(sound), keyBlock-k.filled)
		k.decode(k.samples[keyBlock+k.filled:][:n], sound[:n], p.Codec)
		sound = sound[n:]
		if k.filled += n; k.filled == keyBlock {
			if key := k.block(); key != 0 {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// Held is the key that is being heard, 0 for none.
func (k *ToneKeys) Held() byte { return k.held }

func (k *ToneKeys) decode(dst []int16, sound []byte, c Codec) {
	switch c {
	case PCMA:
		DecodeALaw(dst, sound)
	case PCMU:
		DecodeMuLaw(dst, sound)
	case G722:
		if k.wide == nil {
			k.wide = NewG722NarrowDecoder()
		}
		k.wide.Decode(dst, sound)
	}
}

// block takes the present block and returns a key that was found, or 0.
func (k *ToneKeys) block() (found byte) {
	var sums [8]complex128
	block := k.samples[keyBlock:]
	energy := 0.0
	for _, s := range block {
		energy += float64(s) * float64(s)
	}
	// Of silence nothing needs to be known.
	if energy+k.energy > keyFloor*keyBlock {
		for i := range sums {
			sums[i] = toneTable[i].sum(block)
		}
	}
	if k.whole {
		found = k.window(&sums, energy)
	}
	copy(k.samples[:keyBlock], block)
	k.former, k.energy, k.whole, k.filled = sums, energy, true, 0
	return found
}

// sum is the sum of the samples, each turned back by its phase in the tone.
func (t *toneConstants) sum(samples []int16) complex128 {
	var s1, s2 float64
	for _, sample := range samples {
		s1, s2 = float64(sample)+t.feedback*s1-s2, s1
	}
	return (complex(s1, 0) - complex(s2, 0)*t.sample) * t.last
}

// window looks at the former and the present block together.
func (k *ToneKeys) window(sums *[8]complex128, energy float64) (found byte) {
	key, lower, higher := k.judge(sums, energy)
	power := k.energy + energy
	if key != 0 && key == k.heard && k.follows(key, lower, higher) && power < keySteady*k.power && k.power < keySteady*power {
		k.count++
	} else {
		k.count = min(1, int(key))
	}
	k.heard, k.lower, k.higher, k.power = key, lower, higher, power
	if k.held != 0 && key != k.held {
		if k.missed++; k.missed >= keyOff {
			k.held = 0
		}
	} else {
		k.missed = 0
	}
	if k.count >= keyOn && key != k.held {
		k.held, k.missed = key, 0
		return key
	}
	return 0
}

// judge tells which key the window sounds like, if any, with the sums of its two
// tones.
func (k *ToneKeys) judge(sums *[8]complex128, energy float64) (key byte, lower, higher complex128) {
	total := k.energy + energy
	if total < keyFloor*keyWindow {
		return 0, 0, 0
	}
	var tones [8]complex128
	var powers [8]float64
	for i := range tones {
		tones[i] = k.former[i] + sums[i]*toneTable[i].block
		powers[i] = squared(tones[i])
	}
	row, clear := strongest(powers[:4])
	column, alsoClear := strongest(powers[4:])
	column += 4
	if !clear || !alsoClear || 2*(powers[row]+powers[column]) < keyHint*total*keyWindow {
		return 0, 0, 0
	}
	lowTurn, ok := toneTable[row].found(k.former[row], sums[row])
	highTurn, alsoOK := toneTable[column].found(k.former[column], sums[column])
	if !ok || !alsoOK {
		return 0, 0, 0
	}
	low, high := k.at(lowTurn), k.at(highTurn)
	switch {
	case 2*(low+high) < keyPurity*total*keyWindow,
		high > keyTwistHigh*low, low > keyTwistLow*high,
		k.at(2*lowTurn) > keyHarmonic*low, k.at(2*highTurn) > keyHarmonic*high:
		return 0, 0, 0
	}
	return keypad[4*row+column-4], tones[row], tones[column]
}

// at is the power of the window at a frequency, in radians a sample.
func (k *ToneKeys) at(turn float64) float64 {
	feedback := 2 * math.Cos(turn)
	var s1, s2 float64
	for _, sample := range k.samples {
		s1, s2 = float64(sample)+feedback*s1-s2, s1
	}
	return s1*s1 + s2*s2 - feedback*s1*s2
}

// found is the frequency of a tone by its sums over two blocks, in radians a
// sample: their phases are apart by what it is off. ok tells that it is near.
func (t *toneConstants) found(before, now complex128) (turn float64, ok bool) {
	off := t.phase(before, now)
	return t.turn + off/keyBlock, math.Abs(off) <= t.limit
}

// phase is by how much more than it should a tone has turned in a block.
func (t *toneConstants) phase(before, now complex128) float64 {
	turned := now * t.block * complex(real(before), -imag(before))
	return math.Atan2(imag(turned), real(turned))
}

// follows tells whether the tones of a window go on from those of the window
// before: by how far their phase has turned more or less than it should, their
// frequency is off.
func (k *ToneKeys) follows(key byte, lower, higher complex128) bool {
	at := 0
	for keypad[at] != key {
		at++
	}
	return toneTable[at/4].near(k.lower, lower) && toneTable[4+at%4].near(k.higher, higher)
}

func (t *toneConstants) near(before, now complex128) bool {
	return math.Abs(t.phase(before, now)) <= t.limit
}

// strongest finds the largest of a group; clear tells that it stands out.
func strongest(powers []float64) (at int, clear bool) {
	for i, p := range powers {
		if p > powers[at] {
			at = i
		}
	}
	for i, p := range powers {
		if i != at && p*keyPeak > powers[at] {
			return at, false
		}
	}
	return at, true
}

func squared(c complex128) float64 { return real(c)*real(c) + imag(c)*imag(c) }
