package browser

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"golang.org/x/sys/unix"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/webrtc/internal/dtlsrtp"
)

// maxPayload is the longest payload that is sent, in bytes.
const maxPayload = 1200

// ErrClosed is returned by a Browser that is closed.
var ErrClosed = errors.New("the browser is closed")

// Options are what the maker of a Browser chooses.
type Options struct {
	// OnPacket takes what the browser is sent. It runs in the engine's
	// goroutine, must not block, keep the payload or call Close. at is when the
	// packet reached this machine, on the clock of media.Now.
	OnPacket func(h media.Header, payload []byte, at time.Duration)
}

// Browser is one simulated browser: Offer, then Connect with the answer, then
// Send. Its methods are safe from any goroutine.
type Browser struct {
	engine     *Engine
	options    Options
	ufrag, pwd string
	ssrc       uint32
	answer     *answer
	pipe       *dtlsrtp.Pipe

	checks    checks
	connected chan struct{} // closed with the first answered check
	once      sync.Once

	// reading guards the socket and what follows against Close.
	reading sync.Mutex
	fd      int // -1: none
	in      *srtp.Context
	header  rtp.Header
	control [128]byte

	sending   sync.Mutex
	out       *srtp.Context
	outFD     int // fd, for writers
	outHeader rtp.Header
	buf       [12 + maxPayload + 32]byte
	closed    bool
}

// New makes a browser that is not connected.
func (e *Engine) New(options Options) *Browser {
	var ssrc [4]byte
	_, _ = rand.Read(ssrc[:])
	b := &Browser{
		engine: e, options: options, ufrag: rand.Text()[:8], pwd: rand.Text(), ssrc: binary.BigEndian.Uint32(ssrc[:]),
		connected: make(chan struct{}), fd: -1, outFD: -1,
	}
	b.pipe = dtlsrtp.NewPipe(b.write)
	return b
}

// SSRC is that of the packets of Send.
func (b *Browser) SSRC() uint32 { return b.ssrc }

// Connect takes the server's answer to Offer and returns when sound may flow
// both ways.
func (b *Browser) Connect(ctx context.Context, sdp string) error {
	a, err := parseAnswer(sdp)
	if err != nil {
		return err
	}
	if err := b.open(a); err != nil {
		return fmt.Errorf("opening a socket: %w", err)
	}
	b.checkIfDue(media.Now())
	select {
	case <-b.connected:
	case <-ctx.Done():
		return fmt.Errorf("connecting: no check was answered: %w", ctx.Err())
	}
	keys, err := dtlsrtp.Handshake(ctx, b.pipe, a.setup == "passive", b.engine.certificate, a.fingerprint)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	in, err := keys.Inbound()
	if err != nil {
		return err
	}
	out, err := keys.Outbound()
	if err != nil {
		return err
	}
	b.reading.Lock()
	b.in = in
	b.reading.Unlock()
	b.sending.Lock()
	b.out = out
	b.sending.Unlock()
	return nil
}

// open makes the socket and begins to check.
func (b *Browser) open(a *answer) error {
	family := unix.AF_INET
	if a.address.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, socketBuffer)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	if err := unix.Connect(fd, sockaddr(a.address)); err != nil {
		_ = unix.Close(fd)
		return err
	}
	b.reading.Lock()
	b.sending.Lock()
	defer b.reading.Unlock()
	defer b.sending.Unlock()
	if b.closed || b.fd >= 0 {
		_ = unix.Close(fd)
		return ErrClosed
	}
	b.answer, b.fd, b.outFD = a, fd, fd
	b.checks.begin(b.ufrag, a)
	if err := b.engine.add(fd, b); err != nil {
		b.fd, b.outFD = -1, -1
		_ = unix.Close(fd)
		return err
	}
	return nil
}

func sockaddr(to netip.AddrPort) unix.Sockaddr {
	if to.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()}
}

// PayloadType is the type of a codec in packets of Send; false when the answer
// has it not.
func (b *Browser) PayloadType(c media.Codec) (uint8, bool) {
	b.sending.Lock()
	defer b.sending.Unlock()
	for pt, codec := range offered {
		if codec == c && b.answer != nil && b.answer.types[pt] {
			return pt, true
		}
	}
	return 0, false
}

// Send sends a packet of the microphone. Its SSRC is the browser's whatever h
// says. It never waits.
func (b *Browser) Send(h media.Header, payload []byte) error {
	if len(payload) > maxPayload {
		return fmt.Errorf("a payload of %d bytes is longer than %d", len(payload), maxPayload)
	}
	b.sending.Lock()
	defer b.sending.Unlock()
	if b.out == nil || b.outFD < 0 {
		return ErrClosed
	}
	h.SSRC = b.ssrc
	packet := append(media.AppendHeader(b.buf[:0], h), payload...)
	sealed, err := b.out.EncryptRTP(packet, packet, &b.outHeader)
	if err != nil {
		return fmt.Errorf("encrypting: %w", err)
	}
	if _, err := unix.Write(b.outFD, sealed); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	return nil
}

// write sends a datagram of DTLS or a check. What is lost is repeated.
func (b *Browser) write(datagram []byte) {
	b.sending.Lock()
	defer b.sending.Unlock()
	if b.outFD >= 0 {
		_, _ = unix.Write(b.outFD, datagram)
	}
}

// Close ends the browser without a word to the server, as a lost network does.
// It may be called more than once, but not by OnPacket.
func (b *Browser) Close() {
	b.reading.Lock()
	defer b.reading.Unlock()
	b.sending.Lock()
	defer b.sending.Unlock()
	b.closed = true
	_ = b.pipe.Close()
	if b.fd >= 0 {
		b.engine.remove(b.fd)
		_ = unix.Close(b.fd)
	}
	b.fd, b.outFD = -1, -1
}

// read takes a datagram of the socket. The epoll instance goes on reporting the
// socket while it has more, which is cheaper than to try.
func (b *Browser) read(buf []byte) {
	b.reading.Lock()
	defer b.reading.Unlock()
	if b.fd < 0 {
		return
	}
	n, at, err := Receive(b.fd, buf, b.control[:])
	if err == nil && n > 0 {
		b.take(buf[:n], at)
	}
}

// take sorts a datagram by its class (RFC 7983 §7).
func (b *Browser) take(d []byte, at time.Duration) {
	switch {
	case d[0] < 4:
		if b.checks.answered(d) {
			b.once.Do(func() { close(b.connected) })
		}
	case d[0] >= 20 && d[0] < 64:
		b.pipe.Deliver(d)
	case len(d) >= 12 && b.in != nil && (d[1]&0x7f < 64 || d[1]&0x7f >= 96): // else RTCP, RFC 5761 §4
		clear, err := b.in.DecryptRTP(d, d, &b.header)
		if err != nil {
			return
		}
		h, payload, ok := media.ParseRTP(clear)
		if ok && b.options.OnPacket != nil {
			b.options.OnPacket(h, payload, at)
		}
	}
}

func (b *Browser) checkIfDue(now time.Duration) {
	if request := b.checks.due(now); request != nil {
		b.write(request)
	}
}

// Line tells on which line of the connection the server's stream is: 0 is the
// main one. ok is false before Connect and of other streams.
func (b *Browser) Line(ssrc uint32) (line int, ok bool) {
	b.sending.Lock()
	defer b.sending.Unlock()
	if b.answer == nil {
		return 0, false
	}
	for i, s := range b.answer.ssrcs {
		if s == ssrc {
			return i, true
		}
	}
	return 0, false
}
