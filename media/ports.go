package media

import (
	"errors"
	"fmt"
	"net"
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
}

// NewPorts returns the ports first to last, both included, of the local address
// bind, which may be unspecified. With first 0 the system chooses the ports.
func NewPorts(bind netip.Addr, first, last int) *Ports {
	first += first % 2
	return &Ports{bind: bind, first: first, last: last, next: first, busy: make(map[int]bool), rests: make(map[int]time.Duration)}
}

// InUse is the number of open ports.
func (p *Ports) InUse() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.busy)
}

// Open opens the next free port. The error is ErrNoPort when there is none.
func (p *Ports) Open(cfg PortConfig) (*Port, error) {
	conn, number, err := p.listen()
	if err != nil {
		return nil, err
	}
	return newPort(conn, cfg, func() { p.release(number) }), nil
}

func (p *Ports) listen() (*net.UDPConn, int, error) {
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
		conn, err := listenUDP(netip.AddrPortFrom(p.bind, uint16(number)))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue // by another program
		}
		if err != nil {
			return nil, 0, fmt.Errorf("opening an RTP port: %w", err)
		}
		number = int(localAddr(conn).Port())
		p.busy[number] = true
		return conn, number, nil
	}
	return nil, 0, ErrNoPort
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

func listenUDP(at netip.AddrPort) (*net.UDPConn, error) {
	network := "udp"
	if at.Addr().Is4() {
		network = "udp4"
	}
	return net.ListenUDP(network, net.UDPAddrFromAddrPort(at))
}

func localAddr(conn *net.UDPConn) netip.AddrPort {
	at := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}
