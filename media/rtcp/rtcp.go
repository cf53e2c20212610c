// Package rtcp writes and reads the reports about RTP streams (RFC 3550 §6):
// as much of them as tells two ends how well their packets travel. Nothing in
// it allocates where the buffers have room.
package rtcp

import (
	"encoding/binary"
	"time"
)

// Interval is how often reports are sent: RFC 3550 §6.2 recommends 5 s.
const Interval = 5 * time.Second

// MaxSize is room for any compound packet that is written here, and what SRTCP
// adds to it, in bytes.
const MaxSize = 512

// Packet types, RFC 3550 §12.1.
const (
	typeSenderReport   = 200
	typeReceiverReport = 201
	typeDescription    = 202
	typeBye            = 203
)

// Sizes in bytes of the parts of packets, RFC 3550 §6.4 and §6.5.
const (
	headerSize = 8 // with the sender's SSRC
	senderInfo = 20
	blockSize  = 24
)

// Sent is what a sender report tells of a stream (RFC 3550 §6.4.1).
type Sent struct {
	Packets, Octets uint32 // Octets are those of payloads
	Timestamp       uint32 // of the last packet
	ClockRate       uint32 // of Timestamp, in Hz
	At              time.Duration
}

// Block is a report about a stream that its writer receives (RFC 3550 §6.4.1).
type Block struct {
	SSRC     uint32
	Fraction uint8  // lost since the report before, in 1/256
	Lost     int32  // since the start; 24 bits with sign
	Highest  uint32 // extended sequence number
	Jitter   uint32 // in units of the stream's clock
	Last     uint32 // middle 32 bits of the NTP time of the sender report that this one follows,
	Delay    uint32 // and how long after it, in 1/65536 s; both 0 when there was none
}

// AppendSenderReport begins a compound packet with a sender report. Its RTP
// timestamp is what the stream's clock shows at now, which is on the clock of
// Sent.At; wall is the same instant.
func AppendSenderReport(b []byte, ssrc uint32, s Sent, now time.Duration, wall time.Time) []byte {
	b = appendHead(b, typeSenderReport, ssrc)
	b = binary.BigEndian.AppendUint64(b, NTP(wall))
	since := now - s.At
	b = binary.BigEndian.AppendUint32(b, s.Timestamp+uint32(since.Microseconds()*int64(s.ClockRate)/1e6))
	b = binary.BigEndian.AppendUint32(b, s.Packets)
	return binary.BigEndian.AppendUint32(b, s.Octets)
}

// AppendReceiverReport begins a compound packet with a receiver report, that of
// a party that has sent nothing.
func AppendReceiverReport(b []byte, ssrc uint32) []byte {
	return appendHead(b, typeReceiverReport, ssrc)
}

// AppendBlock adds a report block to the report that b begins with, which has
// none so far.
func AppendBlock(b []byte, r Block) []byte {
	b[0] |= 1
	b = binary.BigEndian.AppendUint32(b, r.SSRC)
	lost := uint32(min(max(r.Lost, -1<<23), 1<<23-1)) & 0xffffff
	b = binary.BigEndian.AppendUint32(b, uint32(r.Fraction)<<24|lost)
	b = binary.BigEndian.AppendUint32(b, r.Highest)
	b = binary.BigEndian.AppendUint32(b, r.Jitter)
	b = binary.BigEndian.AppendUint32(b, r.Last)
	return binary.BigEndian.AppendUint32(b, r.Delay)
}

// AppendDescription completes the compound packet b, a single report so far,
// with the name that all streams of one party share (RFC 3550 §6.5.1). name has
// at most 255 bytes.
func AppendDescription(b []byte, ssrc uint32, name string) []byte {
	finish(b, 0)
	start := len(b)
	b = appendHead(b, typeDescription, ssrc)
	b[start] |= 1 // one source
	b = append(b, 1, byte(len(name)))
	b = append(b, name...)
	for ok := true; ok || (len(b)-start)%4 != 0; ok = false {
		b = append(b, 0) // at least one zero ends the list
	}
	finish(b, start)
	return b
}

// AppendBye tells that a stream is at its end (RFC 3550 §6.6).
func AppendBye(b []byte, ssrc uint32) []byte {
	start := len(b)
	b = appendHead(b, typeBye, ssrc)
	b[start] |= 1
	finish(b, start)
	return b
}

func appendHead(b []byte, kind byte, ssrc uint32) []byte {
	b = append(b, 2<<6, kind, 0, 0)
	return binary.BigEndian.AppendUint32(b, ssrc)
}

// finish writes the length of the last packet of b, which begins at start.
func finish(b []byte, start int) {
	binary.BigEndian.PutUint16(b[start+2:], uint16((len(b)-start)/4-1))
}

// Handler takes what is read of a compound packet.
type Handler interface {
	// SenderReport tells of a stream of the writer's, and the report's NTP time.
	SenderReport(ssrc uint32, ntp uint64)
	// ReportBlock tells what the writer says of a stream that it receives.
	ReportBlock(b Block)
}

// Read reads a compound packet as far as it is well formed, and returns false
// when nothing of it is.
func Read(b []byte, to Handler) bool {
	read := false
	for len(b) >= headerSize {
		length := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
		if b[0]>>6 != 2 || length > len(b) || length < headerSize {
			return read
		}
		read = true
		packet := b[:length]
		b = b[length:]
		blocks := packet[headerSize:]
		switch packet[1] {
		case typeSenderReport:
			if len(blocks) < senderInfo {
				return read
			}
			to.SenderReport(binary.BigEndian.Uint32(packet[4:]), binary.BigEndian.Uint64(blocks))
			blocks = blocks[senderInfo:]
		case typeReceiverReport:
		default:
			continue // descriptions, a BYE, which the signalling tells better, and others
		}
		for range packet[0] & 0x1f {
			if len(blocks) < blockSize {
				return read
			}
			loss := binary.BigEndian.Uint32(blocks[4:])
			to.ReportBlock(Block{
				SSRC: binary.BigEndian.Uint32(blocks), Fraction: uint8(loss >> 24), Lost: int32(loss<<8) >> 8,
				Highest: binary.BigEndian.Uint32(blocks[8:]), Jitter: binary.BigEndian.Uint32(blocks[12:]),
				Last: binary.BigEndian.Uint32(blocks[16:]), Delay: binary.BigEndian.Uint32(blocks[20:]),
			})
			blocks = blocks[blockSize:]
		}
	}
	return read
}

// Is tells RTCP from RTP where both come to one port (RFC 5761 §4).
func Is(b []byte) bool { return len(b) >= headerSize && b[1] >= 192 && b[1] <= 223 }

// NTP is t in seconds since 1900, in 32.32 fixed point (RFC 3550 §4).
func NTP(t time.Time) uint64 {
	const from1900 = 2208988800
	return uint64(t.Unix()+from1900)<<32 | uint64(t.Nanosecond())<<32/1e9
}

// RoundTrip is the time that the network takes there and back, by a block about
// a stream of ours that came at now (RFC 3550 §6.4.1). ok is false when the
// block does not tell, or a clock was moved.
func RoundTrip(b Block, now time.Time) (rtt time.Duration, ok bool) {
	if b.Last == 0 {
		return 0, false
	}
	took := int32(uint32(NTP(now)>>16) - b.Last - b.Delay)
	if took < 0 || took >= 10<<16 {
		return 0, false
	}
	return time.Duration(took) * time.Second / 65536, true
}

// DelaySince is d in the unit of Block.Delay.
func DelaySince(d time.Duration) uint32 { return uint32(d * 65536 / time.Second) }
