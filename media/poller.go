package media

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pollBatch is how many sockets one system call reports at most.
const pollBatch = 128

// poller reads many sockets from one goroutine. In the runtime's own poller the
// arrival of each packet wakes the goroutine of its socket; here it wakes one
// for all packets that have come, which costs a fraction of that under load.
//
// The poller's epoll instance is itself a file in the runtime's poller: that is
// how its goroutine waits without keeping a thread.
type poller struct {
	epoll *os.File
	raw   syscall.RawConn
	wait  func(fd uintptr) bool

	done    sync.WaitGroup
	onFault func(fault any, stack []byte) // may be nil

	// sockets is by file descriptor. It is never changed, only replaced, under mu.
	sockets atomic.Pointer[[]watched]
	mu      sync.Mutex

	// What follows belongs to the goroutine.
	events [pollBatch]unix.EpollEvent
	ready  int
	inbox  inbox
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err == nil {
		err = unix.SetNonblock(fd, true) // has os put it into the runtime's poller
	}
	if err != nil {
		return nil, fmt.Errorf("making an epoll instance: %w", err)
	}
	p := &poller{epoll: os.NewFile(uintptr(fd), "epoll")}
	p.sockets.Store(new([]watched))
	if p.raw, err = p.epoll.SyscallConn(); err != nil {
		_ = p.epoll.Close()
		return nil, fmt.Errorf("making an epoll instance: %w", err)
	}
	p.wait = func(fd uintptr) bool {
		// A call of which the scheduler hears would have it wake its monitor,
		// which then runs every 20 µs for a while: more work than the call.
		n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, fd, uintptr(unsafe.Pointer(&p.events[0])), pollBatch, 0, 0, 0)
		p.ready = int(n)
		if errno != 0 {
			p.ready = 0
		}
		return n != 0 // also when interrupted: run tries again
	}
	return p, nil
}

// watched is a socket's port, and which of the port's two sockets it is.
type watched struct {
	port    *Port
	control bool
}

// add takes a port in, which is not read before watch.
func (p *poller) add(port *Port) error {
	p.set(port.sockets.rtp.fd, watched{port, false})
	p.set(port.sockets.rtcp.fd, watched{port, true})
	return p.control(unix.EPOLL_CTL_ADD, port, 0)
}

// watch begins to read a port.
func (p *poller) watch(port *Port) { _ = p.control(unix.EPOLL_CTL_MOD, port, unix.EPOLLIN) }

// remove has the poller forget a port. A packet may just be under way.
func (p *poller) remove(port *Port) {
	_ = p.control(unix.EPOLL_CTL_DEL, port, 0)
	p.set(port.sockets.rtp.fd, watched{})
	p.set(port.sockets.rtcp.fd, watched{})
}

// set notes whose a socket is.
func (p *poller) set(fd int, w watched) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := *p.sockets.Load()
	next := make([]watched, max(len(now), fd+1))
	copy(next, now)
	next[fd] = w
	p.sockets.Store(&next)
}

// control does the same with both sockets of a port.
func (p *poller) control(what int, port *Port, events uint32) error {
	var errs [2]error
	controlErr := p.raw.Control(func(epoll uintptr) {
		for i, s := range [...]*socket{port.sockets.rtp, port.sockets.rtcp} {
			errs[i] = unix.EpollCtl(int(epoll), what, s.fd, &unix.EpollEvent{Events: events, Fd: int32(s.fd)})
		}
	})
	return errors.Join(controlErr, errs[0], errs[1])
}

// run reads until the poller is closed. A fault of what is done with one call's
// packet must not end the others: reading goes on after it.
func (p *poller) run() {
	for again := true; again; {
		again = p.readOn()
	}
}

// readOn reads until the poller is closed, or until a fault, when it is to be
// called again. Of each socket that has anything it
// reads one packet: the next round tells whether there is more, which costs
// less than to try.
func (p *poller) readOn() (again bool) {
	defer func() {
		if fault := recover(); fault != nil {
			again = true
			if p.onFault != nil {
				p.onFault(fault, debug.Stack())
			}
		}
	}()
	for p.raw.Read(p.wait) == nil {
		now := Now()
		sockets := *p.sockets.Load()
		for i := range p.ready {
			// The port may have left since the kernel reported its socket.
			if fd := int(p.events[i].Fd); fd < len(sockets) && sockets[fd].port != nil {
				sockets[fd].port.read(&p.inbox, sockets[fd].control, now)
			}
		}
	}
	return false
}

// close ends the poller and waits for its goroutine.
func (p *poller) close() {
	_ = p.epoll.Close()
	p.done.Wait()
}

// pollers are those of one Ports: as many as can run at the same time, each
// alive while it has a port.
type pollers struct {
	onFault func(fault any, stack []byte)

	mu   sync.Mutex
	load map[*poller]int // ports of each
}

// join gives a port the poller that has the least to do.
func (ps *pollers) join(port *Port) error {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	var least *poller
	for p, n := range ps.load {
		if least == nil || n < ps.load[least] {
			least = p
		}
	}
	if least == nil || ps.load[least] > 0 && len(ps.load) < runtime.GOMAXPROCS(0) {
		p, err := newPoller()
		if err != nil {
			return err
		}
		p.onFault = ps.onFault
		p.done.Go(p.run)
		least = p
	}
	ps.load[least]++
	port.poller = least
	if err := least.add(port); err != nil {
		least.remove(port)
		ps.left(least)
		return fmt.Errorf("watching a socket: %w", err)
	}
	return nil
}

// leave takes a port out. A packet may just be under way.
func (ps *pollers) leave(port *Port) {
	port.poller.remove(port)
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.left(port.poller)
}

// left counts a port less. ps.mu is held.
func (ps *pollers) left(p *poller) {
	if ps.load[p]--; ps.load[p] == 0 {
		delete(ps.load, p)
		p.close()
	}
}
