package bench

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// MaxFlood is the most INVITEs a second that strangers may send.
const MaxFlood = 50_000

const (
	// floodSources is how many addresses strangers send from.
	floodSources = 500
	// floodPace is how often they send, each time what is due.
	floodPace = time.Millisecond
	// oneNamesLine is how often a stranger names a line that exists: such a one
	// may get a challenge now and then.
	oneNamesLine = 100
	// collections is how often the server has collected its garbage before its
	// memory is read: less often, and its heap has not yet the size that it has
	// under the load of the calls alone.
	collections = 2
	// collectTime bounds the wait for them.
	collectTime = time.Minute
	// recoverTime is how long the server has after a flood to give memory back.
	recoverTime = 30 * time.Second
	recoverPace = 5 * time.Second
)

// floodLine is the number of a line that no telephone is registered for.
const floodLine = "2001"

// floodUsers are whom scanners like to be.
var floodUsers = [...]string{"100", "101", "1000", "admin", "test", "sip", "user", "9001"}

// flood is strangers who send INVITEs from addresses that the server does not
// know.
type flood struct {
	to      netip.AddrPort
	sockets []*net.UDPConn
	named   []int // INVITEs that named a line, by socket
	sent    uint64
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// startFlood sends perSecond INVITEs a second to a SIP address until it is
// ended.
func startFlood(ctx context.Context, to string, perSecond int) (*flood, error) {
	address, err := netip.ParseAddrPort(to)
	if err != nil {
		return nil, fmt.Errorf("flood: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	f := &flood{to: address, stop: cancel, named: make([]int, floodSources)}
	for i := range floodSources {
		from := netip.AddrFrom4([4]byte{127, 66, byte(i / 250), byte(i%250 + 1)})
		socket, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0)))
		if err != nil {
			f.end()
			return nil, fmt.Errorf("flood: %w", err)
		}
		f.sockets = append(f.sockets, socket)
	}
	f.done.Go(func() { f.run(ctx, perSecond) })
	return f, nil
}

func (f *flood) run(ctx context.Context, perSecond int) {
	began := time.Now()
	ticks := time.NewTicker(floodPace)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		due := uint64(time.Since(began).Seconds() * float64(perSecond))
		for ; f.sent < due; f.sent++ {
			f.invite(f.sent)
		}
	}
}

// invite sends the n-th INVITE.
func (f *flood) invite(n uint64) {
	i := int(n % floodSources)
	user := floodUsers[n%uint64(len(floodUsers))]
	if n%oneNamesLine == 0 {
		user = floodLine
		f.named[i]++
	}
	from := f.sockets[i].LocalAddr()
	message := fmt.Sprintf("INVITE sip:%s@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d;rport\r\nMax-Forwards: 70\r\n"+
		"From: <sip:%s@%s>;tag=%d\r\nTo: <sip:%s@%s>\r\nCall-ID: %d@%s\r\nCSeq: 1 INVITE\r\nContact: <sip:%s@%s>\r\n"+
		"User-Agent: friendly-scanner\r\nContent-Length: 0\r\n\r\n",
		dialled, f.to, from, n, user, f.to, n, dialled, f.to, n, from, user, from)
	_, _ = f.sockets[i].WriteToUDPAddrPort([]byte(message), f.to)
}

// end stops the flood and counts the answers: of those who named no line, who
// must have got none, and of the others.
func (f *flood) end() (strangers, challenged int) {
	f.stop()
	f.done.Wait()
	buffer := make([]byte, 4096)
	for i, socket := range f.sockets {
		answers := 0
		for {
			_ = socket.SetReadDeadline(time.Now().Add(time.Millisecond))
			if _, err := socket.Read(buffer); err != nil {
				break
			}
			answers++
		}
		_ = socket.Close()
		strangers += max(0, answers-f.named[i])
		challenged += min(answers, f.named[i])
	}
	return strangers, challenged
}
