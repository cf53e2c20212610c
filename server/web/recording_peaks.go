package web

import (
	"bufio"
	"bytes"
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
	_, blob := w.openRecording(rw, r)
	if blob == nil {
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

// maxHead bounds what stands before the sound of a recording, in bytes.
const maxHead = 4 << 10

// readPeaks reads a G.711 WAV file of size bytes to its end.
func readPeaks(r *bufio.Reader, size int64) (peaks, error) {
	head, err := r.Peek(maxHead)
	if err != nil && !errors.Is(err, io.EOF) {
		return peaks{}, fmt.Errorf("read sound: %w", err)
	}
	w, err := media.ParseWAV(bytes.NewReader(head), size)
	if err != nil {
		return peaks{}, err
	}
	decode := media.DecodeALaw
	switch w.Codec {
	case media.PCMA:
	case media.PCMU:
		decode = media.DecodeMuLaw
	default:
		return peaks{}, fmt.Errorf("%w: it is not in G.711", media.ErrNotWAV)
	}
	if _, err := r.Discard(int(w.DataOffset)); err != nil {
		return peaks{}, fmt.Errorf("read sound: %w", err)
	}
	channels, frames := w.Channels, w.Samples()
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
