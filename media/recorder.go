package media

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// recordHold is how late a packet may come and still be recorded.
	recordHold = 300 * time.Millisecond
	// recordPending is how many bytes wait for the disk at most: half a minute.
	recordPending = 30 * 2 * sampleRate
)

// ErrDiskSlow says that the disk took no sound for half a minute.
var ErrDiskSlow = errors.New("the disk does not keep up")

// Recorder writes one call as a stereo WAV file in G.711 at 8 kHz: the caller
// left, the agents right, silence where nothing was received. The file can be
// played at any time, also after a crash, up to the last two seconds.
//
// The sinks take packets from any goroutine and never wait for the disk; all
// other methods are safe from any goroutine too.
type Recorder struct {
	path    string
	law     Codec
	writer  *RecordWriter
	onError func(error)
	start   time.Duration
	paused  atomic.Bool

	left, right track

	collecting sync.Mutex // guards the tracks and what follows; never held while the disk works
	collected  int64      // samples taken from the tracks
	pending    []byte     // taken and not yet on the disk
	closed     bool
	failure    error

	writing sync.Mutex // guards what follows; held while the disk works
	file    *os.File
	spare   []byte
	written int64 // bytes of sound in the file
	header  []byte
}

// RecordingInfo describes a recording that was closed.
type RecordingInfo struct {
	Path     string
	Duration time.Duration
	Bytes    int64  // of the file
	Lost     uint64 // packets that came too late or too fast to be recorded
	Foreign  uint64 // packets in an encoding that is not recorded
}

// NewRecorder creates the file path, which must not exist, and starts a
// recording in law, PCMA or PCMU, at this instant. w writes it. onError is
// called once, in a goroutine of its own, when the disk fails: the recording is cut
// there; it may be nil.
func NewRecorder(path string, law Codec, w *RecordWriter, onError func(error)) (*Recorder, error) {
	if !law.G711() {
		return nil, fmt.Errorf("starting a recording: cannot record in %v", law)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("starting a recording: %w", err)
	}
	r := &Recorder{path: path, law: law, writer: w, onError: onError, start: Now(), file: file}
	for _, side := range []*track{&r.left, &r.right} {
		side.paused, side.start = &r.paused, r.start
	}
	if err := r.writeHeader(); err != nil {
		_ = file.Close()
		_ = os.Remove(path)
		return nil, fmt.Errorf("starting a recording: %w", err)
	}
	w.add(r)
	return r, nil
}

// Left takes the caller's sound.
func (r *Recorder) Left() Sink { return &r.left }

// Right takes the agents' sound; what several say at a time is mixed.
func (r *Recorder) Right() Sink { return &r.right }

// Path is the file's path.
func (r *Recorder) Path() string { return r.path }

// Duration is how long the recording is now, pauses included.
func (r *Recorder) Duration() time.Duration { return Now() - r.start }

// Pause records silence from now on.
func (r *Recorder) Pause() { r.paused.Store(true) }

// Resume records sound again.
func (r *Recorder) Resume() { r.paused.Store(false) }

// Paused tells whether Pause is in force.
func (r *Recorder) Paused() bool { return r.paused.Load() }

// Close ends the recording at this instant and waits until all of it is in the
// file. The error is the disk's; the info holds what there is nevertheless. A
// second Close returns os.ErrClosed.
func (r *Recorder) Close() (RecordingInfo, error) {
	r.writer.remove(r)
	duration := r.Duration()
	r.collect(samplesOf(duration))

	r.collecting.Lock()
	again := r.closed
	r.closed = true
	r.collecting.Unlock()
	if again {
		return RecordingInfo{}, os.ErrClosed
	}

	r.flush()
	r.writing.Lock()
	defer r.writing.Unlock()
	err := errors.Join(r.failed(), r.file.Sync(), r.file.Close())
	info := RecordingInfo{
		Path: r.path, Duration: time.Duration(r.written/2) * time.Second / sampleRate, Bytes: wavHeaderSize + r.written,
		Lost: r.left.lost.Load() + r.right.lost.Load(), Foreign: r.left.foreign.Load() + r.right.foreign.Load(),
	}
	if err != nil {
		err = fmt.Errorf("closing a recording: %w", err)
	}
	return info, err
}

// collect takes the sound up to a position out of the tracks.
func (r *Recorder) collect(upto int64) {
	r.collecting.Lock()
	defer r.collecting.Unlock()
	if r.closed || r.failure != nil {
		return
	}
	r.left.collect()
	r.right.collect()
	if n := int(upto - r.collected); n > 0 {
		start := len(r.pending)
		r.pending = slices.Grow(r.pending, 2*n)[:start+2*n]
		r.left.take(r.pending[start:], n, r.law)
		r.right.take(r.pending[start+1:], n, r.law)
		r.collected = upto
	}
	if len(r.pending) > recordPending {
		r.pending = nil
		r.failLocked(ErrDiskSlow)
	}
}

// flush writes what was collected to the file, and then the sizes to its
// header.
func (r *Recorder) flush() {
	r.writing.Lock()
	defer r.writing.Unlock()
	r.collecting.Lock()
	data := r.pending
	r.pending, r.spare = r.spare[:0], nil
	r.collecting.Unlock()
	if len(data) == 0 {
		r.spare = data
		return
	}
	n, err := r.file.WriteAt(data, wavHeaderSize+r.written)
	r.written += int64(n - n%2)
	r.spare = data[:0]
	if headerErr := r.writeHeader(); err == nil {
		err = headerErr
	}
	if err != nil {
		r.collecting.Lock()
		r.failLocked(err)
		r.collecting.Unlock()
	}
}

func (r *Recorder) writeHeader() error {
	r.header = AppendWAVHeader(r.header[:0], WAV{Codec: r.law, Channels: 2, SampleRate: sampleRate, DataBytes: r.written})
	_, err := r.file.WriteAt(r.header, 0)
	return err
}

func (r *Recorder) failed() error {
	r.collecting.Lock()
	defer r.collecting.Unlock()
	return r.failure
}

// failLocked ends the recording for an error. r.collecting is held.
func (r *Recorder) failLocked(err error) {
	if r.failure != nil {
		return
	}
	r.failure = fmt.Errorf("recording %s: %w", r.path, err)
	if r.onError != nil {
		go r.onError(r.failure)
	}
}
