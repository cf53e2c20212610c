package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// chunk is a RIFF chunk that says it has size bytes.
func chunk(name string, size int, body ...byte) []byte {
	b := append([]byte(name), binary.LittleEndian.AppendUint32(nil, uint32(size))...)
	return append(b, body...)
}

func riff(chunks ...[]byte) []byte {
	return append([]byte("RIFF\x00\x00\x00\x00WAVE"), bytes.Join(chunks, nil)...)
}

func format(tag, channels uint16, rate uint32, bits uint16, more ...byte) []byte {
	le := binary.LittleEndian
	b := le.AppendUint16(nil, tag)
	b = le.AppendUint16(b, channels)
	b = le.AppendUint32(b, rate)
	b = le.AppendUint32(b, rate*uint32(channels*bits/8))
	b = le.AppendUint16(b, channels*bits/8)
	b = le.AppendUint16(b, bits)
	b = append(b, more...)
	return chunk("fmt ", len(b), b...)
}

func TestParseWAV(t *testing.T) {
	extensible := append([]byte{22, 0, 16, 0, 3, 0, 0, 0}, []byte("\x01\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71")...)
	tests := map[string]struct {
		in   []byte
		want WAV
		ok   bool
	}{
		"linear":                 {riff(format(1, 1, 8000, 16), chunk("data", 4, 1, 2, 3, 4)), WAV{Channels: 1, SampleRate: 8000, DataBytes: 4}, true},
		"A-law stereo":           {riff(format(6, 2, 8000, 8, 0, 0), chunk("data", 4, 1, 2, 3, 4)), WAV{Codec: PCMA, Channels: 2, SampleRate: 8000, DataBytes: 4}, true},
		"µ-law":                  {riff(format(7, 1, 8000, 8), chunk("data", 3, 1, 2, 3)), WAV{Codec: PCMU, Channels: 1, SampleRate: 8000, DataBytes: 3}, true},
		"extensible":             {riff(format(0xfffe, 2, 48000, 16, extensible...), chunk("data", 4, 1, 2, 3, 4)), WAV{Channels: 2, SampleRate: 48000, DataBytes: 4}, true},
		"odd chunk between":      {riff(format(1, 1, 8000, 16), chunk("LIST", 3, 1, 2, 3, 0), chunk("data", 2, 1, 2)), WAV{Channels: 1, SampleRate: 8000, DataBytes: 2}, true},
		"data before fmt":        {riff(chunk("data", 2, 1, 2), format(1, 1, 8000, 16)), WAV{Channels: 1, SampleRate: 8000, DataBytes: 2}, true},
		"chunks behind the data": {riff(format(1, 1, 8000, 16), chunk("data", 2, 1, 2), chunk("LIST", 2, 1, 2)), WAV{Channels: 1, SampleRate: 8000, DataBytes: 2}, true},
		"size 0":                 {riff(format(1, 1, 8000, 16), chunk("data", 0, 1, 2, 3)), WAV{Channels: 1, SampleRate: 8000, DataBytes: 2}, true},
		"size of a stream":       {riff(format(1, 2, 8000, 16), chunk("data", 0xffffffff, 1, 2, 3, 4, 5)), WAV{Channels: 2, SampleRate: 8000, DataBytes: 4}, true},
		"no sound":               {riff(format(1, 1, 8000, 16), chunk("data", 0)), WAV{Channels: 1, SampleRate: 8000}, true},
		"empty":                  {nil, WAV{}, false},
		"text":                   {[]byte("hello, this is no sound at all"), WAV{}, false},
		"no fmt":                 {riff(chunk("data", 2, 1, 2)), WAV{}, false},
		"no data":                {riff(format(1, 1, 8000, 16)), WAV{}, false},
		"fmt cut off":            {riff(format(1, 1, 8000, 16))[:30], WAV{}, false},
		"short fmt":              {riff(chunk("fmt ", 2, 1, 0), chunk("data", 2, 1, 2)), WAV{}, false},
		"24 bits":                {riff(format(1, 1, 8000, 24), chunk("data", 3, 1, 2, 3)), WAV{}, false},
		"float":                  {riff(format(3, 1, 8000, 32), chunk("data", 4, 1, 2, 3, 4)), WAV{}, false},
		"no channels":            {riff(format(1, 0, 8000, 16), chunk("data", 4, 1, 2, 3, 4)), WAV{}, false},
		"six channels":           {riff(format(1, 6, 8000, 16), chunk("data", 4, 1, 2, 3, 4)), WAV{}, false},
		"no rate":                {riff(format(1, 1, 0, 16), chunk("data", 4, 1, 2, 3, 4)), WAV{}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseWAV(bytes.NewReader(test.in), int64(len(test.in)))
			if (err == nil) != test.ok || err != nil && !errors.Is(err, ErrNotWAV) {
				t.Fatalf("error %v", err)
			}
			got.DataOffset, got.factOffset, got.sizeOffset = 0, 0, 0
			if test.ok && got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestWAVHeaderIsReadAsWritten(t *testing.T) {
	for _, want := range []WAV{
		{Codec: PCMA, Channels: 2, SampleRate: 8000, DataBytes: 10},
		{Codec: PCMU, Channels: 1, SampleRate: 8000, DataBytes: 10},
		{Channels: 2, SampleRate: 48000, DataBytes: 8},
	} {
		file := append(AppendWAVHeader(nil, want), make([]byte, want.DataBytes)...)
		got, err := ParseWAV(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		if got.DataOffset != wavHeaderSize {
			t.Errorf("sound at %d", got.DataOffset)
		}
		got.DataOffset, got.factOffset, got.sizeOffset = 0, 0, 0
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestWAVDecodesChannels(t *testing.T) {
	file := riff(format(1, 2, 8000, 16), chunk("data", 8, 1, 0, 0xff, 0xff, 2, 0, 0xfe, 0xff))
	w, err := ParseWAV(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	channels, err := w.Decode(bytes.NewReader(file))
	if err != nil || channels[0][0] != 1 || channels[0][1] != 2 || channels[1][0] != -1 || channels[1][1] != -2 {
		t.Errorf("%v, %v", channels, err)
	}
}

func TestRepairWAV(t *testing.T) {
	whole := WAV{Codec: PCMA, Channels: 2, SampleRate: 8000}
	for name, length := range map[string]int64{"nothing written": 0, "half a block": 101, "whole blocks": 100} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.wav")
			if err := os.WriteFile(path, append(AppendWAVHeader(nil, whole), make([]byte, length)...), 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			n, err := RepairWAV(f)
			if want := length - length%2; err != nil || n != want {
				t.Fatalf("%d bytes, want %d; %v", n, want, err)
			}
			want := whole
			want.DataBytes = n
			got, _ := os.ReadFile(path)
			if !bytes.Equal(got, append(AppendWAVHeader(nil, want), make([]byte, n)...)) {
				t.Errorf("header % x", got[:wavHeaderSize])
			}
		})
	}
}

func TestRepairWAVLeavesOtherFilesAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.wav")
	if err := os.WriteFile(path, []byte("not sound, but somebody's letter"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := RepairWAV(f); !errors.Is(err, ErrNotWAV) {
		t.Errorf("error %v", err)
	}
	if got, _ := os.ReadFile(path); string(got) != "not sound, but somebody's letter" {
		t.Errorf("file is now %q", got)
	}
}

func FuzzParseWAV(f *testing.F) {
	f.Add(riff(format(1, 1, 8000, 16), chunk("data", 4, 1, 2, 3, 4)))
	f.Add(riff(chunk("data", 2, 1, 2), format(6, 2, 8000, 8, 0, 0)))
	f.Fuzz(func(t *testing.T, file []byte) {
		w, err := ParseWAV(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		if w.DataOffset+w.DataBytes > int64(len(file)) {
			t.Fatalf("%+v in a file of %d bytes", w, len(file))
		}
		if _, err := w.Decode(bytes.NewReader(file)); err != nil {
			t.Fatal(err)
		}
	})
}
