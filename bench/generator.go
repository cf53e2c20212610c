package bench

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/webrtc/browser"
)

const (
	// slotTime divides a frame, so that the packets of the voices are spread
	// over it as those of people who know nothing of each other.
	slotTime      = time.Millisecond
	slotsPerFrame = int(media.FrameTime / slotTime)
	// generatorNicer is by how much the generator is put before the server
	// where that is allowed: on a full machine it shall be the server that shows
	// it.
	generatorNicer = 10
)

// window is the time whose packets count, by when they were sent: so what is
// under way at its edges is neither lost nor gained.
type window struct{ start, end atomic.Int64 }

// open has the window begin now and returns its end on the clock of media.Now.
func (w *window) open(d time.Duration) (end time.Duration) {
	now := mediaNow()
	w.end.Store(int64(now + d))
	w.start.Store(int64(now))
	return now + d
}

func (w *window) contains(t time.Duration) bool {
	start := w.start.Load()
	return start != 0 && int64(t) >= start && int64(t) < w.end.Load()
}

// generator moves the sound of all ends from one goroutine: once in a slot it
// sends what is due and reads what has arrived.
type generator struct {
	window   window
	browsers *browser.Engine
	epoll    int
	late     histogram // how late the slots of the window began

	mu    sync.Mutex // guards what follows, and all voices and ears
	lines map[int32]*line
	slots [slotsPerFrame][]*voice

	events   []unix.EpollEvent
	buf      []byte
	control  []byte
	stop     chan struct{}
	done     sync.WaitGroup
	restored func()
}

func startGenerator() (*generator, error) {
	g := &generator{
		lines: make(map[int32]*line), events: make([]unix.EpollEvent, 256),
		buf: make([]byte, 2048), control: make([]byte, 128), stop: make(chan struct{}),
	}
	var err error
	if g.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("make an epoll instance: %w", err)
	}
	if g.browsers, err = browser.NewPolledEngine(); err != nil {
		_ = unix.Close(g.epoll)
		return nil, err
	}
	g.restored = raisePriority()
	g.done.Go(g.run)
	return g, nil
}

func (g *generator) close() {
	close(g.stop)
	g.done.Wait()
	g.browsers.Close()
	_ = unix.Close(g.epoll)
	g.restored()
}

// talk has a voice send a frame every 20 ms from now on, in the slot that has
// the least to do.
func (g *generator) talk(v *voice) {
	g.mu.Lock()
	defer g.mu.Unlock()
	best := int(v.id*7) % slotsPerFrame
	for i := range g.slots {
		if len(g.slots[i]) < len(g.slots[best]) {
			best = i
		}
	}
	g.slots[best] = append(g.slots[best], v)
}

// silence ends all sound.
func (g *generator) silence() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.slots[:])
}

// run keeps an absolute schedule: a slot that comes late is served at once, so
// that the rate of packets stays exact.
func (g *generator) run() {
	next := time.Now()
	for slot := 0; ; slot = (slot + 1) % slotsPerFrame {
		select {
		case <-g.stop:
			return
		default:
		}
		next = next.Add(slotTime)
		time.Sleep(time.Until(next))
		if g.window.contains(mediaNow()) {
			g.late.add(time.Since(next))
		}
		g.mu.Lock()
		for _, v := range g.slots[slot] {
			v.say(&g.window)
		}
		g.receive()
		g.mu.Unlock()
		// Not under the lock: what browsers hear takes it.
		g.browsers.Poll()
	}
}

// receive reads what telephones were sent, a packet each.
func (g *generator) receive() {
	for {
		n, err := unix.EpollWait(g.epoll, g.events, 0)
		if err != nil {
			return // interrupted; the next slot is soon
		}
		for _, event := range g.events[:n] {
			if l := g.lines[event.Fd]; l != nil {
				l.receive(g)
			}
		}
		if n < len(g.events) {
			return
		}
	}
}

// attach has the generator read for a line.
func (g *generator) attach(l *line) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := unix.EpollCtl(g.epoll, unix.EPOLL_CTL_ADD, l.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(l.fd)}); err != nil {
		return fmt.Errorf("watch a socket: %w", err)
	}
	g.lines[int32(l.fd)] = l
	return nil
}

// detach lets go of a line before its socket is closed.
func (g *generator) detach(l *line) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.lines, int32(l.fd))
	_ = unix.EpollCtl(g.epoll, unix.EPOLL_CTL_DEL, l.fd, nil)
}

// raisePriority puts all threads of this process before others, if it may, and
// returns what takes that back. Priorities are a thread's own; new threads have
// that of the one that started them.
func raisePriority() (restore func()) {
	raw, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	nice := 20 - raw // in which form the system call tells it
	if err != nil || setPriority(nice-generatorNicer) != nil {
		return func() {}
	}
	return func() { _ = setPriority(nice) }
}

func setPriority(nice int) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err == nil {
			err = syscall.Setpriority(syscall.PRIO_PROCESS, id, nice)
		}
		if !errors.Is(err, syscall.ESRCH) { // a thread may just have ended
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
