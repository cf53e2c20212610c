package media

import "math/bits"

// The tables of ITU-T G.711. Decoding gives 16-bit samples: A-law's 13 and
// µ-law's 14 bits stand at the top.
var (
	alawToLinear  [256]int16
	mulawToLinear [256]int16
	alawToMulaw   [256]byte
	mulawToAlaw   [256]byte
)

func init() {
	for i := range 256 {
		alawToLinear[i] = expandALaw(byte(i))
		mulawToLinear[i] = expandMuLaw(byte(i))
	}
	for i := range 256 {
		alawToMulaw[i] = compressMuLaw(alawToLinear[i])
		mulawToAlaw[i] = compressALaw(mulawToLinear[i])
	}
}

// expandALaw follows ITU-T G.711 table 1: even bits are inverted on the line,
// and a value stands for the middle of its interval.
func expandALaw(code byte) int16 {
	code ^= 0x55
	segment := int(code>>4) & 7
	value := int(code&0x0f)<<4 | 8
	if segment > 0 {
		value = (value | 0x100) << (segment - 1)
	}
	if code&0x80 == 0 {
		value = -value
	}
	return int16(value)
}

// expandMuLaw follows ITU-T G.711 table 2: all bits are inverted on the line,
// and the segments are those of the value plus a bias of 132.
func expandMuLaw(code byte) int16 {
	const bias = 0x84
	code = ^code
	value := (int(code&0x0f)<<3|bias)<<(code>>4&7) - bias
	if code&0x80 != 0 {
		value = -value
	}
	return int16(value)
}

func compressALaw(sample int16) byte {
	magnitude, sign := int(sample), byte(0x80)
	if sample < 0 {
		magnitude, sign = int(^sample), 0
	}
	magnitude >>= 4 // 12 bits of magnitude
	code := byte(magnitude)
	if magnitude > 31 {
		segment := bits.Len(uint(magnitude)) - 4
		code = byte(segment<<4 | magnitude>>(segment-1)&0x0f)
	}
	return (code | sign) ^ 0x55
}

func compressMuLaw(sample int16) byte {
	magnitude, sign := int(sample), byte(0)
	if sample < 0 {
		magnitude, sign = int(^sample), 0x80
	}
	magnitude = min(magnitude>>2+33, 0x1fff) // 13 bits of magnitude, biased
	segment := bits.Len(uint(magnitude)) - 6
	return ^(byte(segment<<4|magnitude>>(segment+1)&0x0f) | sign)
}

// ALawToMuLaw translates src into dst, which must be as long; they may be the
// same slice.
func ALawToMuLaw(dst, src []byte) {
	dst = dst[:len(src)]
	for i, b := range src {
		dst[i] = alawToMulaw[b]
	}
}

// MuLawToALaw translates src into dst, which must be as long; they may be the
// same slice.
func MuLawToALaw(dst, src []byte) {
	dst = dst[:len(src)]
	for i, b := range src {
		dst[i] = mulawToAlaw[b]
	}
}

// DecodeALaw decodes src into dst, which must have room for as many samples.
func DecodeALaw(dst []int16, src []byte) {
	dst = dst[:len(src)]
	for i, b := range src {
		dst[i] = alawToLinear[b]
	}
}

// DecodeMuLaw decodes src into dst, which must have room for as many samples.
func DecodeMuLaw(dst []int16, src []byte) {
	dst = dst[:len(src)]
	for i, b := range src {
		dst[i] = mulawToLinear[b]
	}
}

// EncodeALaw encodes src into dst, which must have room for as many bytes.
func EncodeALaw(dst []byte, src []int16) {
	dst = dst[:len(src)]
	for i, s := range src {
		dst[i] = compressALaw(s)
	}
}

// EncodeMuLaw encodes src into dst, which must have room for as many bytes.
func EncodeMuLaw(dst []byte, src []int16) {
	dst = dst[:len(src)]
	for i, s := range src {
		dst[i] = compressMuLaw(s)
	}
}

// Silence is the byte that an idle line sends: the smallest positive value in
// G.711, and in G.722 the one that its decoder makes zeros of. Of other codecs
// it gives A-law's.
func Silence(c Codec) byte {
	switch c {
	case PCMU:
		return 0xff
	case G722:
		return 0xfd
	}
	return 0xd5
}

// translateG711 writes src, which is in the law from, in the law to.
func translateG711(dst, src []byte, from, to Codec) {
	switch {
	case from == to:
		copy(dst, src)
	case to == PCMU:
		ALawToMuLaw(dst, src)
	default:
		MuLawToALaw(dst, src)
	}
}
