// Package webrtc is the media connection to browsers: one UDP port (and TCP on
// the same number) for all of them, an ICE-lite responder, DTLS-SRTP, and lines
// that are legs of calls. The browser always offers and the server answers.
//
// It has no connection object per browser that reads for itself: the goroutine
// that reads a socket decrypts a packet and hands it on to where it is heard,
// without another goroutine, a queue or an allocation in between.
package webrtc

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/webrtc/internal/dtlsrtp"
)

// Config is what an Engine needs.
type Config struct {
	// Listen is the UDP and TCP address of all browser media, such as ":8443".
	// With port 0 the system chooses a port.
	Listen string
	// PublicIPs are told to browsers. None means those of the network
	// interfaces, or those of the loopback interface if there is no other.
	PublicIPs []netip.Addr
	// Sockets is how many UDP sockets share the port, each with a goroutine
	// that reads it; 0 is GOMAXPROCS.
	Sockets int
	// Pacer drives timeouts and reports. Required.
	Pacer *media.Pacer
	Log   *slog.Logger // required
}

// Engine carries the media of all browsers. Its methods are safe from any
// goroutine.
type Engine struct {
	config      Config
	addr        netip.AddrPort
	addresses   []netip.Addr
	certificate *dtlsrtp.Certificate
	sockets     []*socket
	listener    *net.TCPListener
	work        sync.WaitGroup // readers, TCP connections and handshakes
	connections connections

	mu     sync.RWMutex
	users  map[string]*credentials // by local ICE user name
	peers  map[*Peer]struct{}
	closed bool

	serial    atomic.Uint64
	strangers atomic.Uint64
}

// ErrClosed is returned by a closed Engine or Peer.
var ErrClosed = errors.New("the media connection is closed")

// New opens the port and begins to serve. Close ends it.
func New(config Config) (*Engine, error) {
	if config.Pacer == nil || config.Log == nil {
		return nil, errors.New("webrtc: Config.Pacer and Config.Log are required")
	}
	if config.Sockets <= 0 {
		config.Sockets = runtime.GOMAXPROCS(0)
	}
	e := &Engine{config: config, users: make(map[string]*credentials), peers: make(map[*Peer]struct{})}
	var err error
	if e.certificate, err = dtlsrtp.NewCertificate(); err != nil {
		return nil, err
	}
	if e.addresses, err = announced(config); err != nil {
		return nil, err
	}
	if err := e.open(); err != nil {
		e.closeSockets()
		return nil, fmt.Errorf("opening the browser media port: %w", err)
	}
	for _, s := range e.sockets {
		e.work.Go(s.run)
	}
	e.work.Go(e.acceptTCP)
	return e, nil
}

// portTries is how often a free port is sought that both UDP and TCP have.
const portTries = 20

func (e *Engine) open() error {
	host, port, err := net.SplitHostPort(e.config.Listen)
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		err := e.openPort(host, port)
		if err == nil || port != "0" || try == portTries {
			return err
		}
		e.closeSockets()
	}
}

func (e *Engine) openPort(host, port string) error {
	// TCP comes first: it does not share its port, and so keeps a second process
	// from taking half of the first one's datagrams.
	listener, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return err
	}
	e.listener = listener.(*net.TCPListener)
	e.addr = e.listener.Addr().(*net.TCPAddr).AddrPort()
	address := net.JoinHostPort(host, strconv.Itoa(int(e.addr.Port())))
	for range e.config.Sockets {
		s, err := openSocket(e, address)
		if err != nil {
			return err
		}
		e.sockets = append(e.sockets, s)
	}
	return nil
}

func (e *Engine) closeSockets() {
	if e.listener != nil {
		_ = e.listener.Close()
	}
	for _, s := range e.sockets {
		s.close()
	}
	e.sockets = nil
}

// Addr is the address that the engine listens at, with the port in use.
func (e *Engine) Addr() netip.AddrPort { return e.addr }

// Close ends all connections and waits for the engine's goroutines.
func (e *Engine) Close() {
	e.mu.Lock()
	e.closed = true
	peers := make([]*Peer, 0, len(e.peers))
	for p := range e.peers {
		peers = append(peers, p)
	}
	e.mu.Unlock()
	for _, p := range peers {
		p.Close()
	}
	e.closeSockets()
	e.connections.close()
	e.work.Wait()
}

// Stats are counts of an Engine.
type Stats struct {
	Peers     int    // now connected or connecting
	Strangers uint64 // datagrams of senders that no browser's check has made known
}

// Stats returns the engine's counts.
func (e *Engine) Stats() Stats {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return Stats{Peers: len(e.peers), Strangers: e.strangers.Load()}
}

// announced are the addresses that browsers are told.
func announced(config Config) ([]netip.Addr, error) {
	if len(config.PublicIPs) > 0 {
		for _, a := range config.PublicIPs {
			if !a.IsValid() || a.IsUnspecified() || a.Zone() != "" {
				return nil, fmt.Errorf("webrtc: public address %q cannot be told to browsers", a)
			}
		}
		return config.PublicIPs, nil
	}
	if bound, err := netip.ParseAddrPort(config.Listen); err == nil && !bound.Addr().IsUnspecified() {
		return []netip.Addr{bound.Addr().Unmap()}, nil
	}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("listing network addresses: %w", err)
	}
	var addresses, loopback []netip.Addr
	for _, i := range interfaces {
		prefix, err := netip.ParsePrefix(i.String())
		if err != nil {
			continue
		}
		switch a := prefix.Addr(); {
		case a.IsLoopback():
			loopback = append(loopback, a)
		case a.IsGlobalUnicast():
			addresses = append(addresses, a)
		}
	}
	if len(addresses) == 0 {
		addresses = loopback
	}
	return addresses, nil
}
