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

// Engine reads for many browsers. Its methods are safe from any goroutine.
type Engine struct {
	certificate *dtlsrtp.Certificate
	epoll, wake int
	done        sync.WaitGroup

	mu       sync.Mutex
	browsers map[int32]*Browser // by socket
	closed   bool
}

// NewEngine starts an engine. Close ends it.
func NewEngine() (*Engine, error) {
	certificate, err := dtlsrtp.NewCertificate()
	if err != nil {
		return nil, err
	}
	e := &Engine{certificate: certificate, browsers: make(map[int32]*Browser)}
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
	e.done.Go(e.run)
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

func (e *Engine) run() {
	events := make([]unix.EpollEvent, 64)
	buf := make([]byte, 2048)
	var due []*Browser
	next := media.Now() + tick
	for {
		n, err := unix.EpollWait(e.epoll, events, int(tick/time.Millisecond))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		e.mu.Lock()
		closed := e.closed
		e.mu.Unlock()
		if closed {
			return
		}
		for i := range max(n, 0) {
			e.mu.Lock()
			b := e.browsers[events[i].Fd]
			e.mu.Unlock()
			if b != nil {
				b.read(buf)
			}
		}
		now := media.Now()
		if now < next {
			continue
		}
		next = now + tick
		e.mu.Lock()
		due = due[:0]
		for _, b := range e.browsers {
			due = append(due, b)
		}
		e.mu.Unlock()
		for _, b := range due {
			b.checkIfDue(now)
		}
		clear(due)
	}
}
