package web

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
)

// wavFile makes a G.711 stereo file: the left side at half loudness in its
// first half, the right side silent.
func wavFile(frames int) []byte {
	samples := make([]int16, 2*frames)
	for i := range frames / 2 {
		samples[2*i] = 16384
	}
	data := make([]byte, len(samples))
	media.EncodeALaw(data, samples)
	head := media.AppendWAVHeader(nil, media.WAV{Codec: media.PCMA, Channels: 2, SampleRate: 8000, DataBytes: int64(len(data))})
	return append(head, data...)
}

// putRecording stores a recording of a new call of alice's.
func (s *site) putRecording(data []byte) *ccs.Recording {
	s.t.Helper()
	c := s.putCall(nil)
	recording := &ccs.Recording{
		CallID: c.ID, Blob: "recording-" + c.ID, Started: c.Connected,
		Duration: ccs.MillisOf(time.Minute), Size: int64(len(data)),
	}
	blob, err := s.web.o.Blobs.Create(s.t.Context(), recording.Blob)
	if err != nil {
		s.t.Fatal(err)
	}
	defer blob.Close()
	if _, err := blob.Write(data); err != nil {
		s.t.Fatal(err)
	}
	if err := blob.Commit(); err != nil {
		s.t.Fatal(err)
	}
	if err := s.tables.Recordings.Put(s.t.Context(), recording); err != nil {
		s.t.Fatal(err)
	}
	c.Recording = recording.ID
	if err := s.tables.Calls.Put(s.t.Context(), c); err != nil {
		s.t.Fatal(err)
	}
	return recording
}

func TestRecordingIsServedFromAnyByteOn(t *testing.T) {
	s := newSite(t, nil)
	data := wavFile(8000)
	path := "/recordings/" + s.putRecording(data).ID + "/audio"
	b := s.as("sam")
	if r := b.get(path); r.StatusCode != http.StatusOK || r.body != string(data) || r.Header.Get("Content-Type") != "audio/wav" {
		t.Errorf("the whole: %s, %d bytes of %q", r.Status, len(r.body), r.Header.Get("Content-Type"))
	}
	r := b.do(http.MethodGet, path, nil, map[string]string{"Range": "bytes=100-199"})
	if r.StatusCode != http.StatusPartialContent || r.body != string(data[100:200]) {
		t.Errorf("a part: %s, %d bytes", r.Status, len(r.body))
	}
	if r := b.do(http.MethodGet, path, nil, map[string]string{"Range": "bytes=999999-"}); r.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("beyond the end: %s, want 416", r.Status)
	}
	if r := b.get(path + "?download=1"); !strings.Contains(r.Header.Get("Content-Disposition"), "attachment") {
		t.Error("the download is not one")
	}
}

func TestRecordingsAreForThoseWhoMayHearThem(t *testing.T) {
	s := newSite(t, nil)
	id := s.putRecording(wavFile(800)).ID
	for _, file := range []string{"/audio", "/peaks"} {
		for login, want := range map[string]int{"admin": 200, "sam": 200, "alice": 200, "bob": 403} {
			if r := s.as(login).get("/recordings/" + id + file); r.StatusCode != want {
				t.Errorf("%s gets %s of %s, want %d", login, r.Status, file, want)
			}
		}
	}
	if r := s.as("admin").get("/recordings/nothing/audio"); r.StatusCode != http.StatusNotFound {
		t.Errorf("no such recording: %s, want 404", r.Status)
	}
}

func TestWaveformShowsWhereSomebodySpeaks(t *testing.T) {
	s := newSite(t, nil)
	r := s.as("sam").get("/recordings/" + s.putRecording(wavFile(16000)).ID + "/peaks")
	var p peaks
	if err := json.Unmarshal([]byte(r.body), &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Channels) != 2 || len(p.Channels[0]) != peakCount {
		t.Fatalf("%d channels of %d points", len(p.Channels), len(p.Channels[0]))
	}
	if early, late := p.Channels[0][100], p.Channels[0][700]; early < 0.45 || early > 0.55 || late > 0.01 {
		t.Errorf("the left side is %v, then %v; want 0.5, then 0", early, late)
	}
	if right := p.Channels[1][100]; right > 0.01 {
		t.Errorf("the silent side is %v", right)
	}
}

func TestCallPageHasTimelineAndPlayer(t *testing.T) {
	s := newSite(t, nil)
	recording := s.putRecording(wavFile(800))
	c, err := s.tables.Calls.Get(t.Context(), recording.CallID)
	if err != nil {
		t.Fatal(err)
	}
	c.Events = []ccs.CallEvent{
		{At: c.Started, Kind: ccs.EventArrived},
		{At: c.Connected.Add(10 * time.Second), Kind: ccs.EventHeld, Agent: c.Agent},
		{At: c.Ended, Kind: ccs.EventEnded},
	}
	if err := s.tables.Calls.Put(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	body := s.as("sam").get("/calls/" + c.ID).body
	for _, want := range []string{
		"+33123456789 calls 1000.", "Name of alice puts the caller on hold.", "The caller hung up.",
		"/recordings/" + recording.ID + "/audio", `data-seek="10.00"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func FuzzReadPeaks(f *testing.F) {
	whole := wavFile(100)
	f.Add(whole)
	f.Add(whole[:60])
	f.Add(whole[:20])
	f.Add([]byte("RIFF\xff\xff\xff\xffWAVEdata\xff\xff\xff\xff"))
	f.Add([]byte("RIFF....WAVELIST\xff\xff\xff\x7f"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := readPeaks(bufio.NewReader(bytes.NewReader(data)), int64(len(data)))
		if err != nil {
			return
		}
		for _, channel := range p.Channels {
			if len(channel) > peakCount {
				t.Fatalf("%d points", len(channel))
			}
			for _, level := range channel {
				if level < 0 || level > 1 {
					t.Fatalf("a level of %v", level)
				}
			}
		}
	})
}
