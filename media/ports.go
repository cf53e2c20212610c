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

// Ports hands out the RTP ports of a range: even numbers only, because the odd
// one above belongs to RTCP (RFC 3550 §11). Its methods are safe from any
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
	return &Ports{
		bind: bind, first: first, last: last, next: first, busy: make(map[int]bool), rests: make(map[int]time.Duration),
		pollers: pollers{load: make(map[*poller]int)},
	}
}

// InUse is the number of open ports.
func (p *Ports) InUse() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.busy)
}

// Open opens the next free port. The error is ErrNoPort when there is none.
func (p *Ports) Open(cfg PortConfig) (*Port, error) {
	socket, local, err := p.listen()
	if err != nil {
		return nil, err
	}
	port := newPort(socket, local, cfg, p)
	if err := p.pollers.join(port); err != nil {
		socket.close()
		p.release(int(local.Port()))
		return nil, fmt.Errorf("opening an RTP port: %w", err)
	}
	return port, nil
}

func (p *Ports) listen() (*socket, netip.AddrPort, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	tries := (p.last-p.first)/2 + 1
	if p.first == 0 {
		tries = 1
	}
	for range tries {
		number := p.next
		if p.first != 0 {
			p.next += 2
			if p.next > p.last {
				p.next = p.first
			}
		}
		if p.busy[number] || p.resting(number) {
			continue
		}
		s, local, err := openSocket(netip.AddrPortFrom(p.bind, uint16(number)))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue // by another program
		}
		if err != nil {
			return nil, netip.AddrPort{}, fmt.Errorf("opening an RTP port: %w", err)
		}
		p.busy[int(local.Port())] = true
		return s, local, nil
	}
	return nil, netip.AddrPort{}, ErrNoPort
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
