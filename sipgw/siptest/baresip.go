package siptest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/media"
)

// patience is how long is waited for what must happen.
const patience = 30 * time.Second

// BaresipOptions are somebody else's telephone.
type BaresipOptions struct {
	// Account is its account, such as <sip:100@127.0.0.1;transport=tls>;regint=60.
	Account string
	// Hz is the tone that it sends, at 8 kHz.
	Hz float64
	// Port is where it takes SIP over UDP and TCP, on 127.0.0.1; over TLS it is one
	// more. 0 lets the system choose.
	Port int
	// Certificate is a file of its certificate and key for that, PEM.
	Certificate string
}

// Baresip is a running baresip that is steered through its control port. Its
// methods are for the goroutine of the test.
type Baresip struct {
	t       testing.TB
	folder  string
	control net.Conn
	said    output

	mu     sync.Mutex
	events []BaresipEvent
	taken  int // events that Happens went past
}

// BaresipEvent is something that happened to it, by its own names.
type BaresipEvent struct {
	Event bool   `json:"event"`
	Type  string `json:"type"`
	Param string `json:"param"`
}

// output is what a program says.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write keeps what was said.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

// String is all that was said.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// StartBaresip runs a baresip until the test ends. The test is skipped where it is
// not installed.
func StartBaresip(t testing.TB, o BaresipOptions) *Baresip {
	t.Helper()
	program, err := exec.LookPath("baresip")
	if err != nil {
		t.Skip("baresip is not installed (scripts/setup test)")
	}
	b := &Baresip{t: t, folder: t.TempDir()}
	control := net.JoinHostPort(Address().String(), strconv.Itoa(FreePorts(t, 1)))
	tone := filepath.Join(b.folder, "tone.wav")
	write(t, tone, wave(media.Tone(o.Hz, time.Minute, 0.4)))
	write(t, filepath.Join(b.folder, "config"), []byte(o.config(tone, control)))
	write(t, filepath.Join(b.folder, "accounts"), []byte(o.Account+"\n"))
	write(t, filepath.Join(b.folder, "contacts"), nil)
	cmd := exec.Command(program, "-f", b.folder)
	cmd.Dir = b.folder // where it records
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stdout, cmd.Stderr = &b.said, &b.said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		kill := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		kill.Stop()
		if b.control != nil {
			_ = b.control.Close()
		}
		reading.Wait()
		if t.Failed() {
			t.Logf("baresip said:\n%s", b.said.String())
		}
	})
	for limit := time.Now().Add(patience); b.control == nil; time.Sleep(10 * time.Millisecond) {
		if b.control, err = net.Dial("tcp", control); err != nil {
			b.control = nil
			if time.Now().After(limit) {
				t.Fatalf("baresip does not start:\n%s", b.said.String())
			}
		}
	}
	reading.Go(b.read)
	return b
}

func (o BaresipOptions) config(tone, control string) string {
	lines := []string{
		"poll_method epoll", fmt.Sprintf("sip_listen 127.0.0.1:%d", o.Port), "sip_verify_server no",
		"ctrl_tcp_listen " + control, "audio_source aufile," + tone,
		"audio_player aubridge,nowhere", "audio_alert aubridge,alert", "ausrc_srate 8000", "auplay_srate 8000", "ausrc_channels 1",
		"auplay_channels 1", "audio_buffer 20-160", "snd_path .", "module_path /usr/lib/baresip/modules", "module g711.so", "module srtp.so",
		"module aufile.so", "module aubridge.so", "module sndfile.so", "module_tmp account.so", "module_app menu.so", "module_app ctrl_tcp.so",
	}
	if o.Certificate != "" {
		lines = append(lines, "sip_certificate "+o.Certificate)
	}
	return strings.Join(lines, "\n") + "\n"
}

// read takes events and responses: netstrings, LENGTH:JSON, one after the other.
func (b *Baresip) read() {
	from := bufio.NewReader(b.control)
	for {
		text, err := from.ReadString(':')
		if err != nil {
			return
		}
		length, err := strconv.Atoi(strings.TrimSuffix(text, ":"))
		if err != nil || length < 0 || length > 1<<20 {
			return
		}
		content := make([]byte, length+1) // and the comma
		if _, err := io.ReadFull(from, content); err != nil {
			return
		}
		var e BaresipEvent
		if json.Unmarshal(content[:length], &e) == nil && e.Event {
			b.mu.Lock()
			b.events = append(b.events, e)
			b.mu.Unlock()
		}
	}
}

// Said is all that it printed.
func (b *Baresip) Said() string { return b.said.String() }

// Do gives it a command: dial, accept, hold, resume, hangup, sndcode.
func (b *Baresip) Do(command, params string) {
	b.t.Helper()
	text, err := json.Marshal(map[string]string{"command": command, "params": params})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(b.control, "%d:%s,", len(text), text); err != nil {
		b.t.Fatalf("baresip takes no command: %v\n%s", err, b.said.String())
	}
}

// Echo has it say what it hears, in the call that is going on and has been held.
func (b *Baresip) Echo() { b.Do("ausrc", "aubridge,nowhere") }

// Speak has it say its tone again, from now on.
func (b *Baresip) Speak() { b.Do("ausrc", "aufile,"+filepath.Join(b.folder, "tone.wav")) }

// Happens waits for the next event of a type, such as CALL_ESTABLISHED, and returns
// its parameter.
func (b *Baresip) Happens(kind string) string {
	b.t.Helper()
	for limit := time.Now().Add(patience); time.Now().Before(limit); time.Sleep(10 * time.Millisecond) {
		b.mu.Lock()
		for b.taken < len(b.events) {
			e := b.events[b.taken]
			b.taken++
			if e.Type == kind {
				b.mu.Unlock()
				return e.Param
			}
		}
		b.mu.Unlock()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.t.Fatalf("baresip does not say %s, but %+v", kind, b.events)
	return ""
}

// Hears waits until it hears a tone from now on. It is of no use after a hold, when
// baresip does not go on recording: see Echo.
func (b *Baresip) Hears(hz float64) {
	b.t.Helper()
	name, size := b.recording()
	from := map[string]int{name: size}
	var got, share float64
	for limit := time.Now().Add(patience); time.Now().Before(limit); time.Sleep(50 * time.Millisecond) {
		name, _ = b.recording()
		samples := readSamples(filepath.Join(b.folder, name))
		samples = samples[min(from[name], len(samples)):]
		if len(samples) < toneSamples {
			continue
		}
		got, share = media.DominantTone(samples[len(samples)-toneSamples:])
		if math.Abs(got-hz) < 5 && share > 0.9 {
			return
		}
	}
	b.t.Fatalf("baresip hears %.0f Hz at %.2f, want %.0f Hz", got, share, hz)
}

// toneSamples is how much of a sound is looked at for a tone.
const toneSamples = 2000

// HeardSamples is how much it has heard of its newest call; while that does not
// grow, it hears nothing.
func (b *Baresip) HeardSamples() int {
	_, n := b.recording()
	return n
}

// recording is the newest file of what it heard, and its samples.
func (b *Baresip) recording() (name string, samples int) {
	entries, err := os.ReadDir(b.folder)
	if err != nil {
		b.t.Fatal(err)
	}
	var newest time.Time
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !strings.HasSuffix(e.Name(), "-dec.wav") || info.ModTime().Before(newest) {
			continue
		}
		newest, name, samples = info.ModTime(), e.Name(), max(0, int(info.Size())-waveHeader)/2
	}
	return name, samples
}

// waveHeader is the length of the header of a WAV file, in bytes.
const waveHeader = 44

// wave is a WAV file of 8 kHz, 16 bits, mono.
func wave(samples []int16) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32([]byte("RIFF"), uint32(waveHeader-8+2*len(samples)))
	b = append(b, "WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"...)
	b = le.AppendUint32(b, 8000)
	b = le.AppendUint32(b, 16000)
	b = append(b, "\x02\x00\x10\x00data"...)
	b = le.AppendUint32(b, uint32(2*len(samples)))
	for _, s := range samples {
		b = le.AppendUint16(b, uint16(s))
	}
	return b
}

// readSamples reads such a file, also one that is being written.
func readSamples(path string) []int16 {
	content, err := os.ReadFile(path)
	if err != nil || len(content) < waveHeader {
		return nil
	}
	content = content[waveHeader:]
	samples := make([]int16, len(content)/2)
	for i := range samples {
		samples[i] = int16(binary.LittleEndian.Uint16(content[2*i:]))
	}
	return samples
}
