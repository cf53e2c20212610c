package media

// noPayloadType marks an encoding that the receiver does not take. Real payload
// types have seven bits.
const noPayloadType = 0xff

// codecCount is one more than the last Codec.
const codecCount = int(TelephoneEvent) + 1

// Stream makes the RTP packets of one output out of the packets of changing
// sources: it knows which encodings the receiver takes and under which payload
// types, converts the sound of telephones where the receiver does not take it as
// it is, and rewrites the headers. It is not safe for concurrent use; Output is.
type Stream struct {
	rewriter  *Rewriter
	types     [codecCount]uint8
	converter Converter
}

// NewStream returns a stream to a receiver that takes nothing yet.
func NewStream() *Stream {
	s := &Stream{rewriter: NewRewriter()}
	s.Forget()
	return s
}

// SSRC is the SSRC of every packet of the stream.
func (s *Stream) SSRC() uint32 { return s.rewriter.SSRC() }

// Forget makes the receiver take no encoding at all.
func (s *Stream) Forget() {
	for i := range s.types {
		s.types[i] = noPayloadType
	}
}

// SetPayloadType says that the receiver takes c as payload type pt (0 to 127).
func (s *Stream) SetPayloadType(c Codec, pt uint8) { s.types[c] = pt & 0x7f }

// Takes tells whether the receiver takes c as it is.
func (s *Stream) Takes(c Codec) bool {
	return int(c) < codecCount && s.types[c] != noPayloadType
}

// accepted is the encoding in which sound that came as c goes out, or NoCodec
// when the receiver can do nothing with it.
func (s *Stream) accepted(c Codec) Codec {
	return c.CarriedAs(s.Takes)
}

// Prepare appends p as an RTP packet to dst: HeaderSize bytes of header, which
// it returns too, and the payload. Nothing is appended and ok is false when
// the receiver does not take p's encoding, or when p is a duplicate or comes
// too late. dst needs room for MaxPacket bytes to avoid an allocation.
func (s *Stream) Prepare(dst []byte, p *Packet) (h Header, packet []byte, ok bool) {
	codec := s.accepted(p.Codec)
	if codec == NoCodec || len(p.Payload) > MaxPacket-HeaderSize {
		return Header{}, dst, false
	}
	h, ok = s.rewriter.Rewrite(p, codec.ClockRate())
	if !ok {
		return Header{}, dst, false
	}
	h.PayloadType = s.types[codec]
	packet = append(AppendHeader(dst, h), p.Payload...)
	if codec != p.Codec {
		s.converter.Convert(packet[len(packet)-len(p.Payload):], p.Payload, p.Source, p.Codec, codec)
	}
	return h, packet, true
}
