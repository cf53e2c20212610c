// Package sipp proves with SIPp, telephone by telephone, how the binary behaves
// towards carriers. The README lists the scenarios and what each proves.
package sipp

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// scenario is one behaviour.
type scenario struct {
	name string
	// caller is a file of the folder scenarios, and number what it dials: "" is
	// soundNumber, or the scenario's provider where there is one.
	caller, number string
	untrusted      bool // calls from the provider whose transfers are not taken
	// called are the files of the provider's targets, in the order in which they
	// are tried; "" is a target that must not be called, "a b" one that is called
	// twice.
	called  []string
	trusted bool // the provider that is called
	// agent says that the provider's number is an agent's outside phone, of a queue
	// that is dialled; queue changes it.
	agent   bool
	queue   func(*ccs.Queue)
	values  map[string]string
	keys    func(*keys) // makes keys.pcap
	ears    int         // ports for sound, [ear0] and [ear1]
	hears   func(t *trial, ears []*ear)
	wire    func(t *trial, messages string) // what the caller sent and got
	record  func(t *trial, r *ccs.CallRecord)
	lenient bool // a target "" may be called
	// hasty scenarios send twice without listening: what comes meanwhile is passed
	// over. Elsewhere only what came before may come again.
	hasty  bool
	noCall bool // there is no record
}

// running bounds how many SIPps run at once.
var running = make(chan struct{}, 32)

// A scenario that fails while something stood still is played again, at most so
// often.
const rounds = 4

func TestScenarios(t *testing.T) {
	if _, err := exec.LookPath("sipp"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("sipp is not installed")
		}
		t.Skip("sipp is not installed")
	}
	trials := make([]*trial, len(scenarios))
	over := make(chan struct{})
	picked := make(chan int, len(scenarios)) // -1 is one that -run leaves out
	var all sync.WaitGroup
	for i, s := range scenarios {
		all.Go(func() {
			mine := -1
			t.Run(s.name, func(t *testing.T) {
				mine = i
				picked <- i
				<-over
				if trials[i] == nil {
					t.Fatal("was not played")
				}
				for _, problem := range trials[i].problems {
					t.Error(problem)
				}
			})
			if mine < 0 {
				picked <- mine
			}
		})
	}
	defer all.Wait()
	defer close(over)
	var left []int
	for range scenarios {
		if i := <-picked; i >= 0 {
			left = append(left, i)
		}
	}
	slices.Sort(left) // the long ones first
	for round := 1; len(left) > 0; round++ {
		began := time.Now()
		if world := try(t, func(tr *trial) { play(tr, left, trials) }); world.Failed() {
			t.Error(strings.Join(world.problems, "\n"))
			return
		}
		var again []int
		for _, i := range left {
			if trials[i].Failed() && trials[i].stalled >= noticeable {
				t.Logf("round %d: %s: something stood still for %v; %s", round, scenarios[i].name, trials[i].stalled, strings.Join(trials[i].problems, "\n"))
				again = append(again, i)
			}
		}
		if deadline, ok := t.Deadline(); round == rounds || ok && time.Until(deadline) < 2*time.Since(began) {
			return
		}
		left = again
	}
}

// play plays some scenarios at once, against a server of their own, and then looks
// into its records.
func play(t *trial, which []int, trials []*trial) {
	w := startWorld(t, scenarios)
	w.ready(t, scenarios, which)
	watched := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go func() {
		defer close(watched)
		w.stalls.watch(ctx, w.base+"/healthz")
	}()
	var all sync.WaitGroup
	for _, i := range which {
		running <- struct{}{}
		all.Go(func() {
			defer func() { <-running }()
			trials[i] = try(t.T, func(tr *trial) { w.run(tr, i, scenarios[i]) })
			trials[i].stood(w.stalls.longest(trials[i].from))
			t.Logf("%s: %v", scenarios[i].name, time.Since(trials[i].from).Round(time.Millisecond))
		})
	}
	all.Wait()
	cancel()
	<-watched
	w.stop()
	records := w.records(t)
	for _, i := range which {
		w.look(trials[i], scenarios[i], records[callerOf(i)])
		w.keep = w.keep || trials[i].Failed()
	}
}

// look compares what is on record of a call with what should be.
func (w *world) look(t *trial, s scenario, r *ccs.CallRecord) {
	before := len(t.problems)
	switch {
	case s.noCall && r != nil:
		t.Errorf("there is a record: %+v", r)
	case s.noCall:
	case r == nil:
		t.Error("there is no record")
	case r.Ended.IsZero():
		t.Errorf("the call has not ended: %+v", r)
	case s.record != nil:
		s.record(t, r)
	}
	if len(t.problems) > before && r != nil {
		t.Errorf("the record is %+v", *r)
	}
}

// callerOf is the number that scenario i calls from.
func callerOf(i int) string { return fmt.Sprintf("+331000000%02d", i) }

// run plays a scenario to its end.
func (w *world) run(t *trial, i int, s scenario) {
	folder := t.TempDir()
	if s.keys != nil {
		k := &keys{sequence: 1000}
		s.keys(k)
		k.write(t, filepath.Join(folder, "keys.pcap"))
	}
	values := map[string]string{"outside": outside(i), "number": callerOf(i), "forward": forward(i)}
	maps.Copy(values, s.values)
	from := w.trusted()
	if s.untrusted {
		from = w.untrusted()
	}
	var ears []*ear
	for n := range s.ears {
		ears = append(ears, openEar(t, from))
		values[fmt.Sprintf("ear%d", n)] = strconv.Itoa(int(ears[n].port()))
	}
	if s.ears > 0 {
		values["port"], values["earIP"] = values["ear0"], from.String()
		if to := values["to"]; to != "" {
			values["to"] = values[to]
		}
	}

	number := s.number
	if number == "" {
		number = soundNumber
		if len(s.called) > 0 {
			number = fmt.Sprintf("%s%02d", bridgeNumber, i)
		}
		if s.agent {
			number = fmt.Sprintf("%s%02d", queueNumber, i)
		}
	}
	var waits []func()
	for j, file := range s.called {
		f, files := w.fronts[w.provider(i, j)], strings.Fields(file)
		t.Cleanup(func() {
			if n := int(f.calls.Load()); n > len(files) && !s.lenient {
				t.Errorf("target %d was called %d times, want %d", j, n, len(files))
			}
		})
		for n, one := range files {
			inner := netip.AddrPortFrom(w.provider(i, j), innerPort+uint16(n))
			own := maps.Clone(values)
			delete(own, "port")
			waits = append(waits, w.sipp(t, &script{called: true, hasty: s.hasty, values: own}, one, folder, inner, number))
			awaitBound(t, inner)
		}
	}
	waits = append(waits, w.sipp(t, &script{hasty: s.hasty, values: values}, s.caller, folder, netip.AddrPortFrom(from, 0), number))
	for _, wait := range waits {
		wait()
	}
	if s.wire != nil {
		messages, err := os.ReadFile(filepath.Join(folder, s.caller+".messages"))
		if err != nil {
			t.Fatal(err)
		}
		s.wire(t, string(messages))
	}
	if s.hears != nil && !t.Failed() {
		s.hears(t, ears)
	}
}

// sipp starts one SIPp; what it returns waits for its end and fails unless every
// message came as the file says.
func (w *world) sipp(t *trial, s *script, file, folder string, at netip.AddrPort, number string) func() {
	t.Helper()
	name := file
	if s.called {
		// Several targets may play the same file at once.
		name = fmt.Sprintf("%s-%s-%d", file, at.Addr(), at.Port())
	}
	path := filepath.Join(folder, name+".xml")
	s.write(t, file, path)
	ctx, cancel := context.WithTimeout(t.Context(), 110*time.Second)
	args := []string{
		"-sf", path, "-s", number, "-key", "caller", s.values["number"], "-i", at.Addr().String(), "-mi", at.Addr().String(),
		"-m", "1", "-timeout", "100", "-timeout_error", "-nostdin", "-timer_resol", "10",
		"-trace_err", "-error_file", filepath.Join(folder, name+".errors"), "-trace_msg", "-message_file", filepath.Join(folder, name+".messages"),
	}
	// What is not waited for is passed over by SIPp, and judged when it is over.
	args = append(args, "-default_behaviors", "all,-abortunexp")
	// When SIPp stood still is written down, and is no reason to give up.
	args = append(args, "-watchdog_interval", "50", "-watchdog_minor_threshold", strconv.Itoa(int(noticeable/time.Millisecond)),
		"-watchdog_minor_maxtriggers", "100000", "-watchdog_major_maxtriggers", "100000")
	if s.hasty {
		args = append(args, "-recv_timeout", "40000")
	}
	if at.Port() != 0 {
		args = append(args, "-p", strconv.Itoa(int(at.Port())))
	}
	// Media ports for keys that SIPp plays: of its own, as several run at one address.
	args = append(args, "-mp", strconv.Itoa(mediaPort()))
	cmd := exec.CommandContext(ctx, "sipp", append([]string{w.sip.String()}, args...)...)
	cmd.Dir = folder
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
	})
	return func() {
		err := cmd.Wait()
		errors, _ := os.ReadFile(filepath.Join(folder, name+".errors"))
		messages, _ := os.ReadFile(filepath.Join(folder, name+".messages"))
		t.stood(stoodStill(string(errors)))
		odd := surprises(string(messages))
		if s.hasty {
			odd = nil
		}
		if err != nil || len(odd) > 0 {
			t.Errorf("%s did not go as written: %v\nnobody waited for %q\n%s\n%s\n%s", file, err, odd, out.String(), errors, messages)
		}
	}
}

var lastMedia atomic.Int32

// mediaPort is a port for SIPp's sound that no other one uses. The addresses are
// the run's own, but servers of other tests take their ports at all addresses, from
// 10000 on.
func mediaPort() int { return 6000 + int(lastMedia.Add(4))%4000 }

// awaitBound waits until somebody listens on a UDP port. SIPp does not say when it
// does.
func awaitBound(t *trial, at netip.AddrPort) {
	t.Helper()
	ip := at.Addr().As4()
	entry := fmt.Sprintf(" %02X%02X%02X%02X:%04X ", ip[3], ip[2], ip[1], ip[0], at.Port())
	for limit := time.Now().Add(30 * time.Second); time.Now().Before(limit); time.Sleep(10 * time.Millisecond) {
		bound, err := os.ReadFile("/proc/net/udp")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(bound), entry) {
			return
		}
	}
	t.Fatalf("nobody listens on %s", at)
}
