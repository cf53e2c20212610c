package call_test

import (
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
)

// slowDisk opens recordings when it is let.
type slowDisk struct {
	path   string
	writer *media.RecordWriter
	let    chan struct{}

	mu           sync.Mutex
	opened, done int
}

func newSlowDisk(t *testing.T) *slowDisk {
	return &slowDisk{path: filepath.Join(t.TempDir(), "call.wav"), writer: media.NewRecordWriter(), let: make(chan struct{})}
}

func (d *slowDisk) Open(string, string, media.Codec) (*media.Recorder, error) {
	<-d.let
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opened++
	return media.NewRecorder(d.path, media.PCMA, d.writer, nil)
}

func (d *slowDisk) Done(_ string, r *media.Recorder) {
	_, _ = r.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done++
}

func (d *slowDisk) counts() (opened, done int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.opened, d.done
}

func hangUp(w *world) {
	w.caller.tell(call.Gone{Leg: w.caller, Cause: call.Cause{By: call.ByCaller, Reason: call.ReasonHangup}})
}

func TestARecordingOpenedTooLateForItsCallIsClosed(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(w *world, d *slowDisk)
	}{
		{"opened after the end", func(w *world, d *slowDisk) { hangUp(w); <-w.done; close(d.let) }},
		{"opened with the end", func(w *world, d *slowDisk) { hangUp(w); close(d.let); <-w.done }},
		{"ended with the opening", func(w *world, d *slowDisk) { close(d.let); hangUp(w); <-w.done }},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := newSlowDisk(t)
				w := beginRecorded(t, disk, func(c *call.Call) call.Cause {
					_ = c.Answer()
					c.Record("sales")
					_, _ = c.Await(-1, func(call.Event) bool { return false })
					return call.Cause{}
				})
				synctest.Wait()
				test.end(w, disk)
				synctest.Wait()
				if opened, done := disk.counts(); opened != 1 || done != 1 {
					t.Errorf("%d recordings were opened, %d were closed", opened, done)
				}
				if disk.writer.Active() != 0 {
					t.Error("a recording of a call that is over goes on")
				}
			})
		})
	}
}

func TestASlowDiskDoesNotHoldTheCallUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := newSlowDisk(t)
		wentOn := make(chan time.Duration, 1)
		w := beginRecorded(t, disk, func(c *call.Call) call.Cause {
			_ = c.Answer()
			began := time.Now()
			c.Record("sales")
			wentOn <- time.Since(began)
			_, _ = c.Await(-1, func(call.Event) bool { return false })
			return call.Cause{}
		})
		if took := <-wentOn; took > 2*time.Second {
			t.Errorf("the caller waited %v for the disk", took)
		}
		close(disk.let)
		synctest.Wait()
		if w.journal.record().Recording == "" {
			t.Error("the call is not recorded although the file came")
		}
		hangUp(w)
		<-w.done
		if opened, done := disk.counts(); opened != 1 || done != 1 {
			t.Errorf("%d recordings were opened, %d were closed", opened, done)
		}
	})
}

func TestATimelineIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, func(c *call.Call) call.Cause {
			for range 20_000 {
				c.Note(ccs.CallEvent{Kind: ccs.EventMuted})
			}
			return call.Cause{By: call.BySystem, Reason: call.ReasonPlanEnd}
		})
		<-w.done
		events := w.journal.record().Events
		if len(events) > 6000 {
			t.Errorf("a record of %d events", len(events))
		}
		if last := events[len(events)-1]; last.Kind != ccs.EventEnded {
			t.Errorf("the timeline ends with %q", last.Kind)
		}
	})
}
