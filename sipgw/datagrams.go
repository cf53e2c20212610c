package sipgw

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/screen"
)

// errorPause keeps an error that does not pass from taking the processor.
const errorPause = 10 * time.Millisecond

// guardedSocket is a UDP socket that strangers cannot be heard through.
type guardedSocket struct {
	*net.UDPConn
	guard *guard
	shift int // datagrams that one shift reads
}

// shift is a guarded socket for a while: sipgo keeps an entry for every source
// that it ever reads a datagram from, until its reading ends. So reading is
// handed over to a successor from time to time, and the entries go.
type shift struct {
	*guardedSocket
	left   int    // datagrams until the hand-over
	began  func() // sipgo knows this shift and reads
	relief func() // has a successor begin
}

// shiftSize is how many datagrams a shift takes, so that sipgo keeps at most so
// many sources, about 5 MB.
const shiftSize = 1 << 15

// handOver is how long a shift whose successor reads is kept by sipgo. Requests that
// it read may still be on their way to their handlers: where sipgo finds their sources
// forgotten, it answers them from a socket of another port, which a telephone behind
// a NAT never hears. A machine may stand still for a second.
const handOver = 5 * time.Second

// ReadFrom returns the next datagram of somebody who is heard. It keeps sipgo
// listening, which would end at the first error.
func (s *shift) ReadFrom(b []byte) (int, net.Addr, error) {
	s.began()
	if s.left--; s.left < 0 {
		s.relief()
		return 0, nil, net.ErrClosed
	}
	for {
		n, from, err := s.ReadFromUDPAddrPort(b)
		if errors.Is(err, net.ErrClosed) {
			return 0, nil, err
		}
		if err != nil {
			time.Sleep(errorPause)
			continue
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if !s.guard.admits(s.UDPConn, b[:n], from) {
			continue
		}
		switch status := screen.Check(b[:n]); status {
		case screen.Pass:
			return len(screen.Tidy(b[:n])), net.UDPAddrFromAddrPort(from), nil
		case screen.Silent:
		default:
			_, _ = s.WriteToUDPAddrPort(screen.Refusal(b[:n], status, dialog.NewTag()), from)
		}
	}
}

// readUDP has sipgo read a socket until it is closed. began is called when sipgo
// knows the socket. sipgo parses in this goroutine: a datagram that its parser
// cannot stand must not end the reading.
func (g *Gateway) readUDP(s *guardedSocket, readers *sync.WaitGroup, began func()) {
	for again := true; again; {
		again = func() (failed bool) {
			defer func() {
				if fault := recover(); fault != nil {
					g.panics.Add(1)
					g.log.Error("reading a SIP message failed", "fault", fmt.Sprint(fault))
					failed = true
				}
			}()
			_ = g.server.ServeUDP(&shift{guardedSocket: s, left: s.shift, began: began, relief: func() {
				reads := make(chan struct{})
				readers.Go(func() { g.readUDP(s, readers, sync.OnceFunc(func() { close(reads) })) })
				// Until then requests of ours would find no socket.
				<-reads
				select {
				case <-time.After(handOver):
				case <-g.sending.Done():
				}
			}})
			return false
		}()
	}
}
