package queue

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestMessagesAreDeliveredInOrderAlsoWhenAReceiverCausesMore(t *testing.T) {
	var o outbox
	var got []int
	o.put(func() {
		o.put(func() { got = append(got, 3) })
		o.deliver()
		got = append(got, 1)
	})
	o.put(func() { got = append(got, 2) })
	o.deliver()
	if want := []int{1, 2, 3}; !slices.Equal(got, want) {
		t.Errorf("delivered %v, want %v", got, want)
	}
}

func TestOneGoroutineDeliversAtATime(t *testing.T) {
	var o outbox
	var wg sync.WaitGroup
	delivered := 0 // unguarded: the race detector watches
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				o.put(func() { delivered++ })
				o.deliver()
			}
		})
	}
	wg.Wait()
	o.deliver()
	if delivered != 4000 {
		t.Errorf("%d delivered, want 4000", delivered)
	}
}

func TestPanicOfAReceiverDoesNotSilenceTheEngine(t *testing.T) {
	var o outbox
	o.put(func() { panic("receiver") })
	func() {
		defer func() { _ = recover() }()
		o.deliver()
	}()
	told := false
	o.put(func() { told = true })
	o.deliver()
	if !told {
		t.Error("nothing is delivered any more")
	}
}

func TestPanicOfAReceiverKeepsNothingFromTheOthers(t *testing.T) {
	var o outbox
	var got []int
	o.put(func() { panic("receiver") })
	o.put(func() { got = append(got, 1) })
	func() {
		defer func() { _ = recover() }()
		o.deliver()
	}()
	o.put(func() { got = append(got, 2) })
	o.deliver()
	if want := []int{1, 2}; !slices.Equal(got, want) {
		t.Errorf("delivered %v, want %v", got, want)
	}
}

func TestAFaultInATimerLeavesTheEngineAtWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(Options{})
		ran := false
		e.event(func() {
			e.after(time.Second, func() { panic("timer") })
			e.after(2*time.Second, func() { ran = true })
		})
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if !ran {
			t.Error("no timer runs any more")
		}
	})
}
