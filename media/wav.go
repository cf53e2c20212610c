package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// The format tags of RIFF WAVE that are understood.
const (
	wavPCM        = 1
	wavALaw       = 6
	wavMuLaw      = 7
	wavExtensible = 0xfffe
)

// wavHeaderSize is the length of the header that AppendWAVHeader writes: RIFF,
// an 18 byte fmt chunk, a fact chunk and the start of the data chunk.
const wavHeaderSize = 12 + 8 + 18 + 8 + 4 + 8

// maxWAVChunks bounds how many chunks are looked at before the sound.
const maxWAVChunks = 1000

// ErrNotWAV says that a file is not a WAV file, or none of a kind that is
// understood.
var ErrNotWAV = errors.New("not a usable WAV file")

// WAV describes a WAV file.
type WAV struct {
	// Codec is PCMA or PCMU, or NoCodec for 16-bit linear samples.
	Codec      Codec
	Channels   int // 1 or 2
	SampleRate int // Hz
	DataOffset int64
	DataBytes  int64 // whole blocks that are there, whatever the header says

	factOffset int64 // where the fact chunk's sample count is, or 0
	sizeOffset int64 // where the size of the data chunk is
}

// blockSize is the number of bytes of one sample of all channels.
func (w WAV) blockSize() int64 {
	if w.Codec == NoCodec {
		return 2 * int64(w.Channels)
	}
	return int64(w.Channels)
}

// Samples is the number of samples of each channel.
func (w WAV) Samples() int64 { return w.DataBytes / w.blockSize() }

// AppendWAVHeader appends the header of a file with w's format and DataBytes
// to dst. The sound follows directly.
func AppendWAVHeader(dst []byte, w WAV) []byte {
	le := binary.LittleEndian
	tag, bits := uint16(wavPCM), uint16(16)
	switch w.Codec {
	case PCMA:
		tag, bits = wavALaw, 8
	case PCMU:
		tag, bits = wavMuLaw, 8
	}
	block := w.blockSize()
	dst = append(dst, "RIFF"...)
	dst = le.AppendUint32(dst, riffSize(wavHeaderSize-8+w.DataBytes))
	dst = append(dst, "WAVEfmt "...)
	dst = le.AppendUint32(dst, 18)
	dst = le.AppendUint16(dst, tag)
	dst = le.AppendUint16(dst, uint16(w.Channels))
	dst = le.AppendUint32(dst, uint32(w.SampleRate))
	dst = le.AppendUint32(dst, uint32(int64(w.SampleRate)*block))
	dst = le.AppendUint16(dst, uint16(block))
	dst = le.AppendUint16(dst, bits)
	dst = le.AppendUint16(dst, 0)
	dst = append(dst, "fact"...)
	dst = le.AppendUint32(dst, 4)
	dst = le.AppendUint32(dst, riffSize(w.Samples()))
	dst = append(dst, "data"...)
	return le.AppendUint32(dst, riffSize(w.DataBytes))
}

// riffSize is a size as RIFF can tell it; what is longer reads as "to the end".
func riffSize(n int64) uint32 { return uint32(min(max(n, 0), math.MaxUint32)) }

// ParseWAV reads the header of a WAV file of size bytes. It takes chunks in any
// order, and sizes that a crash left wrong: the sound ends with the file at the
// latest, and goes to its end when the header says 0. The error wraps ErrNotWAV
// or is one of reading r.
func ParseWAV(r io.ReaderAt, size int64) (WAV, error) {
	var head [12]byte
	if err := readAt(r, head[:], 0); err != nil {
		return WAV{}, err
	}
	if string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return WAV{}, fmt.Errorf("%w: it does not begin with RIFF and WAVE", ErrNotWAV)
	}
	var w WAV
	at := int64(len(head))
	for range maxWAVChunks {
		if at+8 > size {
			break
		}
		if err := readAt(r, head[:8], at); err != nil {
			return WAV{}, err
		}
		length := int64(binary.LittleEndian.Uint32(head[4:8]))
		switch string(head[:4]) {
		case "fmt ":
			if err := w.parseFormat(r, at+8, length); err != nil {
				return WAV{}, err
			}
		case "fact":
			w.factOffset = at + 8
		case "data":
			rest := size - at - 8
			if length == 0 || length > rest {
				length = rest
			}
			w.sizeOffset, w.DataOffset, w.DataBytes = at+4, at+8, length
		}
		if w.Channels > 0 && w.DataOffset > 0 {
			w.DataBytes -= w.DataBytes % w.blockSize()
			return w, nil
		}
		at += 8 + length + length%2 // chunks begin at even places
	}
	return WAV{}, fmt.Errorf("%w: it lacks a fmt or a data chunk", ErrNotWAV)
}

func (w *WAV) parseFormat(r io.ReaderAt, at, length int64) error {
	if length < 16 {
		return fmt.Errorf("%w: its fmt chunk has %d bytes", ErrNotWAV, length)
	}
	le := binary.LittleEndian
	var b [40]byte
	if err := readAt(r, b[:min(length, int64(len(b)))], at); err != nil {
		return err
	}
	tag, bits := le.Uint16(b[0:]), le.Uint16(b[14:])
	if tag == wavExtensible && length >= 26 {
		tag = le.Uint16(b[24:]) // the GUID of the real format begins with its tag
	}
	w.Channels, w.SampleRate = int(le.Uint16(b[2:])), int(le.Uint32(b[4:]))
	switch {
	case tag == wavPCM && bits == 16:
		w.Codec = NoCodec
	case tag == wavALaw && bits == 8:
		w.Codec = PCMA
	case tag == wavMuLaw && bits == 8:
		w.Codec = PCMU
	default:
		return fmt.Errorf("%w: format %d with %d bits is not supported", ErrNotWAV, tag, bits)
	}
	if w.Channels != 1 && w.Channels != 2 {
		return fmt.Errorf("%w: it has %d channels", ErrNotWAV, w.Channels)
	}
	if w.SampleRate == 0 || w.SampleRate > 768000 {
		return fmt.Errorf("%w: its sample rate is %d Hz", ErrNotWAV, w.SampleRate)
	}
	return nil
}

func readAt(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	switch {
	case n == len(b):
		return nil
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: it ends within a header", ErrNotWAV)
	}
	return fmt.Errorf("reading a WAV header: %w", err)
}

// Decode reads the samples of the file that w describes, one slice a channel.
func (w WAV) Decode(r io.ReaderAt) ([][]int16, error) {
	data := make([]byte, w.DataBytes)
	if _, err := io.ReadFull(io.NewSectionReader(r, w.DataOffset, w.DataBytes), data); err != nil {
		return nil, fmt.Errorf("reading the sound of a WAV file: %w", err)
	}
	samples := make([]int16, w.Samples()*int64(w.Channels))
	switch w.Codec {
	case PCMA:
		DecodeALaw(samples, data)
	case PCMU:
		DecodeMuLaw(samples, data)
	default:
		for i := range samples {
			samples[i] = int16(binary.LittleEndian.Uint16(data[2*i:]))
		}
	}
	channels := make([][]int16, w.Channels)
	for c := range channels {
		channels[c] = make([]int16, w.Samples())
		for i := range channels[c] {
			channels[c][i] = samples[i*w.Channels+c]
		}
	}
	return channels, nil
}

// RepairWAV sets the sizes in the header of a WAV file right whose writer was
// interrupted, and cuts off a last block that is not whole. The sound must be
// the last chunk, as it is in recordings. f must be open for reading and
// writing. It returns how many bytes of sound there are.
func RepairWAV(f *os.File) (dataBytes int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("repairing a WAV file: %w", err)
	}
	w, err := ParseWAV(f, info.Size())
	if err != nil {
		return 0, fmt.Errorf("repairing a WAV file: %w", err)
	}
	dataBytes = info.Size() - w.DataOffset
	dataBytes -= dataBytes % w.blockSize()
	end := w.DataOffset + dataBytes
	if end != info.Size() {
		if err := f.Truncate(end); err != nil {
			return 0, fmt.Errorf("repairing a WAV file: %w", err)
		}
	}
	fix := func(at, value int64) {
		if err == nil && at > 0 {
			_, err = f.WriteAt(binary.LittleEndian.AppendUint32(nil, riffSize(value)), at)
		}
	}
	fix(4, end-8)
	fix(w.factOffset, dataBytes/w.blockSize())
	fix(w.sizeOffset, dataBytes)
	if err != nil {
		return 0, fmt.Errorf("repairing a WAV file: %w", err)
	}
	return dataBytes, nil
}
