package media

import "encoding/binary"

// HeaderSize is the length of an RTP header without contributing sources and
// extension (RFC 3550 §5.1), which is what Carillon writes.
const HeaderSize = 12

// MaxPacket is the largest RTP packet that is read or written: an Ethernet
// frame's worth.
const MaxPacket = 1500

// Header is what Carillon uses of an RTP header (RFC 3550 §5.1).
type Header struct {
	Marker      bool
	PayloadType uint8 // 0 to 127
	Sequence    uint16
	Timestamp   uint32
	SSRC        uint32
}

// ParseRTP reads an RTP packet. The payload is a part of b, without header
// extension and padding; it may be empty. ok is false when b is not a well
// formed RTP packet of version 2.
func ParseRTP(b []byte) (h Header, payload []byte, ok bool) {
	if len(b) < HeaderSize || b[0]>>6 != 2 {
		return Header{}, nil, false
	}
	start, end := HeaderSize+4*int(b[0]&0x0f), len(b)
	if b[0]&0x10 != 0 { // header extension, RFC 3550 §5.3.1
		if end < start+4 {
			return Header{}, nil, false
		}
		start += 4 + 4*int(binary.BigEndian.Uint16(b[start+2:]))
	}
	if start > end {
		return Header{}, nil, false
	}
	if b[0]&0x20 != 0 { // padding; its last byte counts it, itself included
		padding := int(b[end-1])
		if padding == 0 || padding > end-start {
			return Header{}, nil, false
		}
		end -= padding
	}
	return Header{
		Marker:      b[1]&0x80 != 0,
		PayloadType: b[1] & 0x7f,
		Sequence:    binary.BigEndian.Uint16(b[2:]),
		Timestamp:   binary.BigEndian.Uint32(b[4:]),
		SSRC:        binary.BigEndian.Uint32(b[8:]),
	}, b[start:end], true
}

// AppendHeader appends h as the 12 bytes of an RTP header to dst.
func AppendHeader(dst []byte, h Header) []byte {
	second := h.PayloadType & 0x7f
	if h.Marker {
		second |= 0x80
	}
	dst = append(dst, 2<<6, second)
	dst = binary.BigEndian.AppendUint16(dst, h.Sequence)
	dst = binary.BigEndian.AppendUint32(dst, h.Timestamp)
	return binary.BigEndian.AppendUint32(dst, h.SSRC)
}
