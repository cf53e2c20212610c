package media

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// quarantine is how long a closed port rests, so that late packets of the old
// call do not reach a new one.
const quarantine = 10 * time.Second

// ErrNoPort says that every RTP port is in use or rests.
var ErrNoPort = errors.New("no RTP port is free")

// Ports hands out the RTP ports of a range: even numbers, because the odd one
// above is opened with each for its RTCP (RFC 3550 §11). Its methods are safe from any
// goroutine.
type Ports struct {
	bind        netip.Addr
	first, last int

	mu    sync.Mutex
	next  int
	busy  map[int]bool
	rests map[int]time.Duration // until when

	pollers pollers
}

// OnFault has f told of a panic in the handler of a port's packets, of which the
// other ports take no harm. It is for the time before the first Open.
func (p *Ports) OnFault(f func(fault any, stack []byte)) { p.pollers.onFault = f }

// NewPorts returns the ports first to last, both included, of the local address
// bind, which may be unspecified. With first 0 the system chooses the ports.
func NewPorts(bind netip.Addr, first, last int) *Ports {
	first += first % 2
	last -= 1 - last%2 // the odd one of a pair lies within the range too
	return &Ports{
		bind: bind, first: first, last: last, next: first, busy: make(map[int]bool), rests: make(map[int]time.Duration),
		pollers: pollers{load: make(map[*poller]int)},
	}
}

// AnyAddress is what to bind to for sound from everywhere: that of IPv6, which
// takes IPv4 as well, where the machine knows it.
func AnyAddress() netip.Addr {
	s, _, err := openSocket(netip.AddrPortFrom(netip.IPv6Unspecified(), 0))
	if err != nil {
		return netip.IPv4Unspecified()
	}
	s.close()
	return netip.IPv6Unspecified()
}

// InUse is the number of open ports.
func (p *Ports) InUse() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.busy)
}

// Open opens the next free port. The error is ErrNoPort when there is none.
func (p *Ports) Open(cfg PortConfig) (*Port, error) {
	pair, err := p.listen()
	if err != nil {
		return nil, err
	}
	port := newPort(pair, cfg, p)
	if err := p.pollers.join(port); err != nil {
		pair.close()
		p.release(int(pair.local.Port()))
		return nil, fmt.Errorf("opening an RTP port: %w", err)
	}
	return port, nil
}

// listen opens the next free pair. Pairs that another program has a part of are
// left out.
func (p *Ports) listen() (socketPair, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first == 0 {
		return p.listenAnywhere()
	}
	for range (p.last-p.first)/2 + 1 {
		number := p.next
		if p.next += 2; p.next > p.last {
			p.next = p.first
		}
		if p.busy[number] || p.resting(number) {
			continue
		}
		pair, err := openPair(p.bind, uint16(number))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			return socketPair{}, fmt.Errorf("opening an RTP port: %w", err)
		}
		p.busy[number] = true
		return pair, nil
	}
	return socketPair{}, ErrNoPort
}

// listenAnywhere has the system choose a port, and takes the other one of its
// pair. p.mu is held.
func (p *Ports) listenAnywhere() (socketPair, error) {
	const tries = 32 // the other one may be another program's
	for range tries {
		chosen, at, err := openSocket(netip.AddrPortFrom(p.bind, 0))
		if err != nil {
			return socketPair{}, fmt.Errorf("opening an RTP port: %w", err)
		}
		other, _, err := openSocket(netip.AddrPortFrom(p.bind, at.Port()^1))
		if err != nil {
			chosen.close()
			continue
		}
		pair := socketPair{rtp: chosen, rtcp: other, local: netip.AddrPortFrom(at.Addr(), at.Port()&^1)}
		if at.Port()&1 == 1 {
			pair.rtp, pair.rtcp = other, chosen
		}
		p.busy[int(pair.local.Port())] = true
		return pair, nil
	}
	return socketPair{}, ErrNoPort
}

func (p *Ports) resting(number int) bool {
	until, found := p.rests[number]
	if found && Now() >= until {
		delete(p.rests, number)
		return false
	}
	return found
}

func (p *Ports) release(number int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.busy, number)
	if p.first != 0 {
		p.rests[number] = Now() + quarantine
	}
}
