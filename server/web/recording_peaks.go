package web

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/carillon-cc/carillon/media"
)

// peakCount is how many points of each side a waveform has.
const peakCount = 800

// peaks is what a waveform is drawn from: the loudest moment of each stretch,
// 0–1, per channel.
type peaks struct {
	Channels [][]float32 `json:"channels"`
}

// recordingPeaks serves the waveform of a recording. The browser does not
// compute it itself, as it would have to load and decode hours of sound.
func (w *Web) recordingPeaks(rw http.ResponseWriter, r *http.Request) {
	recording := w.openableRecording(rw, r)
	if recording == nil {
		return
	}
	blob, err := w.o.Blobs.Open(r.Context(), recording.Blob)
	if err != nil {
		w.failed(rw, r, "open recording", err)
		return
	}
	defer blob.Close()
	p, err := readPeaks(bufio.NewReaderSize(blob, 64<<10), blob.Size())
	if err != nil {
		w.failed(rw, r, "draw recording", err)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.Header().Set("Cache-Control", "private, no-cache")
	if err := json.NewEncoder(rw).Encode(p); err != nil {
		w.o.Log.Debug("a waveform was not sent", "error", err)
	}
}

// Formats of WAV files (RFC 2361 annex A).
const (
	wavALaw  = 6
	wavMuLaw = 7
)

var errNotWAV = errors.New("not a G.711 WAV file")

// readPeaks reads a G.711 WAV file of size bytes to its end. A data chunk whose
// length was never filled in reaches to the end of the file.
func readPeaks(r *bufio.Reader, size int64) (peaks, error) {
	channels, decode, length, err := readWAVHead(r, size)
	if err != nil {
		return peaks{}, err
	}
	frames := length / int64(channels)
	p := peaks{Channels: make([][]float32, channels)}
	count := min(frames, peakCount)
	for c := range p.Channels {
		p.Channels[c] = make([]float32, count)
	}
	codes, samples := make([]byte, channels*1024), make([]int16, channels*1024)
	for done := int64(0); done < frames; {
		n := min(frames-done, 1024)
		part := codes[:n*int64(channels)]
		if _, err := io.ReadFull(r, part); err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
				return p, nil // a header that promises more than there is
			}
			return peaks{}, fmt.Errorf("read sound: %w", err)
		}
		decode(samples, part)
		for i := range n {
			at := (done + i) * count / frames
			for c := range p.Channels {
				level := float32(samples[i*int64(channels)+int64(c)]) / 32768
				p.Channels[c][at] = max(p.Channels[c][at], level, -level)
			}
		}
		done += n
	}
	return p, nil
}

// readWAVHead reads up to the first byte of sound and returns how many bytes
// of it there are.
func readWAVHead(r *bufio.Reader, size int64) (channels int, decode func([]int16, []byte), length int64, err error) {
	var head [12]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return 0, nil, 0, errNotWAV
	}
	at := int64(len(head))
	for {
		var chunk [8]byte
		if _, err := io.ReadFull(r, chunk[:]); err != nil {
			return 0, nil, 0, errNotWAV
		}
		at += int64(len(chunk))
		length := int64(binary.LittleEndian.Uint32(chunk[4:]))
		switch string(chunk[:4]) {
		case "fmt ":
			var format [16]byte
			if length < int64(len(format)) || length > 64 {
				return 0, nil, 0, errNotWAV
			}
			if _, err := io.ReadFull(r, format[:]); err != nil {
				return 0, nil, 0, errNotWAV
			}
			channels = int(binary.LittleEndian.Uint16(format[2:]))
			switch binary.LittleEndian.Uint16(format[:]) {
			case wavALaw:
				decode = media.DecodeALaw
			case wavMuLaw:
				decode = media.DecodeMuLaw
			}
			if decode == nil || channels < 1 || channels > 2 || format[14] != 8 {
				return 0, nil, 0, errNotWAV
			}
			if _, err := r.Discard(int(length) - len(format)); err != nil {
				return 0, nil, 0, errNotWAV
			}
		case "data":
			if decode == nil {
				return 0, nil, 0, errNotWAV
			}
			if length == 0 || length > size-at {
				length = size - at
			}
			return channels, decode, length, nil
		default:
			padded := length + length&1 // chunks begin at even offsets
			if padded > size {
				return 0, nil, 0, errNotWAV
			}
			if _, err := r.Discard(int(padded)); err != nil {
				return 0, nil, 0, errNotWAV
			}
			at += padded
			continue
		}
		at += length
	}
}
