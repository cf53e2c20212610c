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
	hears   func(t *testing.T, ears []*ear)
	wire    func(t *testing.T, messages string) // what the caller sent and got
	record  func(t *testing.T, r *ccs.CallRecord)
	lenient bool // a target "" may be called
	// hasty scenarios send twice without listening; SIPp passes over what comes
	// meanwhile, rather than giving up.
	hasty  bool
	noCall bool // there is no record
}

// running bounds how many SIPps run at once.
var running = make(chan struct{}, 24)

func TestScenarios(t *testing.T) {
	if _, err := exec.LookPath("sipp"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("sipp is not installed")
		}
		t.Skip("sipp is not installed")
	}
	w := startWorld(t, scenarios)
	w.ready(t, scenarios)
	t.Run("on the wire", func(t *testing.T) {
		// Not t.Parallel, which runs no more at a time than there are cores: a
		// scenario mostly waits.
		var all sync.WaitGroup
		for i, s := range scenarios {
			running <- struct{}{}
			all.Go(func() {
				defer func() { <-running }()
				t.Run(s.name, func(t *testing.T) { w.run(t, i, s) })
			})
		}
		all.Wait()
	})
	w.stop()
	records := w.records(t)
	t.Run("in the record", func(t *testing.T) {
		for i, s := range scenarios {
			t.Run(s.name, func(t *testing.T) {
				r := records[callerOf(i)]
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
				if t.Failed() && r != nil {
					t.Logf("%+v", *r)
				}
			})
		}
	})
}

// callerOf is the number that scenario i calls from.
func callerOf(i int) string { return fmt.Sprintf("+331000000%02d", i) }

// run plays a scenario to its end.
func (w *world) run(t *testing.T, i int, s scenario) {
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
func (w *world) sipp(t *testing.T, s *script, file, folder string, at netip.AddrPort, number string) func() {
	t.Helper()
	name := file
	if s.called {
		// Several targets may play the same file at once.
		name = fmt.Sprintf("%s-%s-%d", file, at.Addr(), at.Port())
	}
	path := filepath.Join(folder, name+".xml")
	s.write(t, file, path)
	ctx, cancel := context.WithTimeout(t.Context(), 95*time.Second)
	args := []string{
		"-sf", path, "-s", number, "-key", "caller", s.values["number"], "-i", at.Addr().String(), "-mi", at.Addr().String(),
		"-m", "1", "-timeout", "90", "-timeout_error", "-nostdin", "-timer_resol", "10",
		"-trace_err", "-error_file", filepath.Join(folder, name+".errors"), "-trace_msg", "-message_file", filepath.Join(folder, name+".messages"),
	}
	if s.hasty {
		args = append(args, "-default_behaviors", "all,-abortunexp", "-recv_timeout", "40000")
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
		if err := cmd.Wait(); err != nil {
			errors, _ := os.ReadFile(filepath.Join(folder, name+".errors"))
			messages, _ := os.ReadFile(filepath.Join(folder, name+".messages"))
			t.Errorf("%s did not go as written: %v\n%s\n%s", file, err, errors, messages)
		}
	}
}

var lastMedia atomic.Int32

// mediaPort is a port for SIPp's sound that no other one uses. The addresses are
// the run's own, but servers under test take their ports at all addresses, from
// 16384 on.
func mediaPort() int { return 10000 + int(lastMedia.Add(4)) }

// awaitBound waits until somebody listens on a UDP port. SIPp does not say when it
// does.
func awaitBound(t *testing.T, at netip.AddrPort) {
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
