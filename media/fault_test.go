package media

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// task is a Task made of a function.
type task struct{ tick func() bool }

func (t *task) Tick(time.Duration) bool { return t.tick() }

func TestATaskThatPanicsIsRemovedAndTheOthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		var faults, bad, good atomic.Int32
		p.OnFault = func(any, []byte) { faults.Add(1) }
		p.Add(&task{func() bool { bad.Add(1); panic("fault of a task") }})
		p.Add(&task{func() bool { good.Add(1); return true }})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { p.Run(ctx) })
		time.Sleep(time.Second)
		cancel()
		running.Wait()
		if bad.Load() != 1 || faults.Load() != 1 {
			t.Errorf("the task ran %d times with %d faults told, want once", bad.Load(), faults.Load())
		}
		if good.Load() < 49 {
			t.Errorf("the other task ran %d times in 1 s", good.Load())
		}
	})
}

func TestAFaultInOnePortsHandlerLeavesTheOthersReading(t *testing.T) {
	ports := NewPorts(loopback, 0, 0)
	faults := make(chan any, 16)
	ports.OnFault(func(fault any, _ []byte) { faults <- fault })
	heard := make(chan Packet, 16)
	one, two := newPeer(t), newPeer(t)
	open := func(p peer, receive func(Header, *Packet)) *Port {
		t.Helper()
		port, err := ports.Open(PortConfig{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(port.Close)
		port.SetPayloadTypes(map[uint8]Codec{8: PCMA})
		port.SetRemote(p.at())
		port.Receive(receive)
		return port
	}
	bad := open(one, func(Header, *Packet) { panic("fault of a handler") })
	good := open(two, func(_ Header, p *Packet) { heard <- *p })
	for n := range uint16(2) {
		one.send(bad, Header{PayloadType: 8, Sequence: n}, 1)
		select {
		case <-faults:
		case <-time.After(patience):
			t.Fatal("the fault was not told")
		}
		two.send(good, Header{PayloadType: 8, Sequence: n}, 1)
		take(t, heard)
	}
}
