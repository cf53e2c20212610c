// Package browser is a simulated browser, for trials and measurements: the media
// part of an agent's page, made of ICE checks, DTLS and SRTP, so lean that
// hundreds fit into one processor. One goroutine reads for all browsers of an
// Engine and keeps their connections alive.
package browser

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/webrtc/internal/dtlsrtp"
)

// tick is how often the engine looks whether a check is due.
const tick = 25 * time.Millisecond

// socketBuffer is the receive buffer of a browser's socket in bytes: a second of
// three lines' sound with the kernel's overhead.
const socketBuffer = 256 << 10

// Engine reads for many browsers. Its methods are safe from any goroutine, but
// for Poll.
type Engine struct {
	certificate *dtlsrtp.Certificate
	epoll, wake int
	done        sync.WaitGroup

	// What follows belongs to the one who reads.
	events []unix.EpollEvent
	buf    []byte
	due    []*Browser
	next   time.Duration

	mu       sync.Mutex
	browsers map[int32]*Browser // by socket
	closed   bool
}

// NewEngine starts an engine. Close ends it.
func NewEngine() (*Engine, error) {
	e, err := NewPolledEngine()
	if err != nil {
		return nil, err
	}
	e.done.Go(func() {
		for e.poll(int(tick / time.Millisecond)) {
		}
	})
	return e, nil
}

// NewPolledEngine makes an engine without a goroutine of its own: whoever made
// it calls Poll, every few milliseconds and from one goroutine at a time. So
// the arrival of a packet wakes nobody, as it would wake nobody on the machine
// of its sender if the browser were elsewhere. Close ends it.
func NewPolledEngine() (*Engine, error) {
	certificate, err := dtlsrtp.NewCertificate()
	if err != nil {
		return nil, err
	}
	e := &Engine{
		certificate: certificate, browsers: make(map[int32]*Browser),
		events: make([]unix.EpollEvent, 256), buf: make([]byte, 2048), next: media.Now() + tick,
	}
	if e.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("making an epoll instance: %w", err)
	}
	if e.wake, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err == nil {
		err = unix.EpollCtl(e.epoll, unix.EPOLL_CTL_ADD, e.wake, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(e.wake)})
	}
	if err != nil {
		_ = unix.Close(e.epoll)
		return nil, fmt.Errorf("watching an event: %w", err)
	}
	return e, nil
}

// Close closes all browsers and waits for the engine's goroutine.
func (e *Engine) Close() {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return
	}
	e.closed = true
	browsers := make([]*Browser, 0, len(e.browsers))
	for _, b := range e.browsers {
		browsers = append(browsers, b)
	}
	e.mu.Unlock()
	for _, b := range browsers {
		b.Close()
	}
	_, _ = unix.Write(e.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	e.done.Wait()
	_ = unix.Close(e.wake)
	_ = unix.Close(e.epoll)
}

// add has the engine read b's socket.
func (e *Engine) add(fd int, b *Browser) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return errors.New("the engine is closed")
	}
	if err := unix.EpollCtl(e.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
		return fmt.Errorf("watching a socket: %w", err)
	}
	e.browsers[int32(fd)] = b
	return nil
}

// remove must come before fd is closed, so that its number is not another's.
func (e *Engine) remove(fd int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	_ = unix.EpollCtl(e.epoll, unix.EPOLL_CTL_DEL, fd, nil)
	delete(e.browsers, int32(fd))
}

// Poll reads what has arrived, without waiting for more, and keeps the
// connections alive.
func (e *Engine) Poll() { e.poll(0) }

// poll waits for so many milliseconds at most and reads a datagram of each
// browser that has any. It is false when the engine is closed.
func (e *Engine) poll(wait int) bool {
	n, err := unix.EpollWait(e.epoll, e.events, wait)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return false
	}
	e.mu.Lock()
	closed := e.closed
	e.mu.Unlock()
	if closed {
		return false
	}
	for i := range max(n, 0) {
		e.mu.Lock()
		b := e.browsers[e.events[i].Fd]
		e.mu.Unlock()
		if b != nil {
			b.read(e.buf)
		}
	}
	now := media.Now()
	if now < e.next {
		return true
	}
	e.next = now + tick
	e.mu.Lock()
	e.due = e.due[:0]
	for _, b := range e.browsers {
		e.due = append(e.due, b)
	}
	e.mu.Unlock()
	for _, b := range e.due {
		b.checkIfDue(now)
	}
	clear(e.due)
	return true
}
