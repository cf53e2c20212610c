package sipp

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sqlite"
	"github.com/carillon-cc/carillon/store"
)

// What callers dial.
const (
	soundNumber = "1000" // a sound that goes on for two minutes
	keysNumber  = "2000" // collects keys, and hangs up 8 s after the last
	// bridgeNumber and two digits call a provider, and queueNumber a queue whose
	// agent has a telephone there.
	bridgeNumber, queueNumber = "30", "40"
)

// password is that of all users.
const password = "not for telling"

// world is the server under test and the addresses around it. Every run of the
// tests has a network of its own.
type world struct {
	folder string
	claim  byte   // which network it is
	base   string // of the pages
	fronts map[netip.Addr]*front
	sip    netip.AddrPort
	output bytes.Buffer
	cmd    *exec.Cmd
	db     string
	stalls stalls
	keep   bool // the log is worth reading
}

// address is one of a /16 of this machine that no other run uses.
func (w *world) address(c, d byte) netip.Addr { return netip.AddrFrom4([4]byte{127, w.claim, c, d}) }

// The networks that runs choose from, and how many ports for sound each has: a
// server under test takes them at all addresses.
const (
	firstNetwork, networks  = 100, 40
	firstSound, soundsOfOne = 16384, 400 // a port rests for 10 s after its call
)

// claimNetwork takes a network for as long as the test runs.
func (w *world) claimNetwork(t *trial) {
	t.Helper()
	for range 1000 {
		w.claim = byte(firstNetwork + rand.IntN(networks))
		if l, err := net.Listen("tcp4", netip.AddrPortFrom(w.address(255, 254), 5059).String()); err == nil {
			t.Cleanup(func() { _ = l.Close() })
			return
		}
	}
	t.Fatal("no network is free")
}

// trusted and untrusted are two providers that only call; of one transfers are
// taken.
func (w *world) trusted() netip.Addr   { return w.address(0, 2) }
func (w *world) untrusted() netip.Addr { return w.address(0, 3) }

// provider is the target of a provider that is called.
func (w *world) provider(i, target int) netip.Addr { return w.address(byte(i+1), byte(target+1)) }

// outside is the number that is called through provider i.
func outside(i int) string { return fmt.Sprintf("+4420700%02d00", i) }

// forward is another number there.
func forward(i int) string { return outside(i)[:10] + "99" }

// startWorld builds the binary, fills a store and starts a server on it.
func startWorld(t *trial, providers []scenario) *world {
	t.Helper()
	w := &world{folder: t.TempDir(), fronts: make(map[netip.Addr]*front)}
	w.claimNetwork(t)
	for i, s := range providers {
		// Before the server asks for the first time whether they live.
		for j := range s.called {
			at := w.provider(i, j)
			w.fronts[at] = startFront(t, at)
		}
	}
	binary := filepath.Join(w.folder, "carillon")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "github.com/carillon-cc/carillon")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the server: %v\n%s", err, out)
	}
	w.db = filepath.Join(w.folder, "carillon.db")
	w.fill(t, providers)
	w.sip = netip.AddrPortFrom(w.address(0, 1), 5060)
	web := netip.AddrPortFrom(w.address(0, 1), 8080)
	w.base = "http://" + web.String()
	first := firstSound + int(w.claim-firstNetwork)*soundsOfOne
	w.cmd = exec.Command(binary, "serve")
	w.cmd.Env = append(
		os.Environ(), "CARILLON_DATA="+w.folder, "CARILLON_SIP="+w.sip.String(), "CARILLON_HTTP="+web.String(),
		"CARILLON_WEBRTC_PORT="+w.address(0, 1).String()+":0", fmt.Sprintf("CARILLON_RTP_PORTS=%d-%d", first, first+soundsOfOne-1),
		"CARILLON_PUBLIC_IP="+w.address(0, 1).String(), "CARILLON_LOG=debug",
	)
	w.cmd.Stdout, w.cmd.Stderr = &w.output, &w.output
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.stop()
		if w.keep || t.Failed() {
			if f, err := os.CreateTemp("", "carillon-sipp-*.log"); err == nil {
				_, _ = f.Write(w.output.Bytes())
				_ = f.Close()
				t.Logf("the server's log is %s", f.Name())
			}
		}
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		res, err := http.Get(w.base + "/readyz")
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return w
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server does not get ready: %v\n%s", err, w.output.String())
		}
	}
}

// stop ends the server with its records written.
func (w *world) stop() {
	if w.cmd.ProcessState != nil {
		return
	}
	_ = w.cmd.Process.Signal(syscall.SIGTERM)
	// The second signal does not wait for calls that run.
	timer := time.AfterFunc(2*time.Second, func() { _ = w.cmd.Process.Signal(syscall.SIGTERM) })
	defer timer.Stop()
	_ = w.cmd.Wait()
}

// records are the calls by the number that called, after the server has ended.
func (w *world) records(t *trial) map[string]*ccs.CallRecord {
	t.Helper()
	db, err := sqlite.Open(t.Context(), w.db)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tables := store.NewTables(db)
	if err := tables.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, _, err := tables.Calls.List(t.Context(), store.Query{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]*ccs.CallRecord, len(all))
	for _, r := range all {
		found[r.From] = r
	}
	return found
}

func (w *world) fill(t *trial, scenarios []scenario) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), w.db)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tables := store.NewTables(db)
	if err := tables.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := filler{t: t, ctx: t.Context(), db: db, tables: tables}
	f.put(tables.Users.Put(f.ctx, &ccs.User{Login: "admin", Name: "Administrator", Role: ccs.RoleAdministrator}))
	f.trunk("trusted", w.trusted(), 9, true)
	f.trunk("untrusted", w.untrusted(), 9, false)
	f.sound("long", 2*time.Minute)
	f.sound("blip", 100*time.Millisecond)
	f.number(soundNumber, ccs.Action{ID: "play", Playback: &ccs.Playback{Sound: "long"}})
	blip := ccs.Prompt{Sound: "blip"}
	f.put(tables.Menus.Put(f.ctx, &ccs.Menu{
		Meta: ccs.Meta{ID: "keys"}, Name: "Keys", Greeting: blip, Invalid: blip, InterDigitTimeout: ccs.MillisOf(8 * time.Second), Tries: 1,
		Keys: []ccs.MenuKey{{Keys: "1234567890", Actions: []ccs.Action{{ID: "end", Hangup: &ccs.Hangup{}}}}},
	}))
	f.number(keysNumber, ccs.Action{ID: "menu", Menu: &ccs.RunMenu{Menu: "keys"}})
	for i, s := range scenarios {
		if len(s.called) == 0 {
			continue
		}
		trunk := ccs.Trunk{
			Meta: ccs.Meta{ID: fmt.Sprintf("provider-%02d", i)}, Name: s.name, Trusted: s.trusted,
			Outgoing: ccs.TrunkOutgoing{Allowed: []string{outside(i)[:10]}},
		}
		for j := range s.called {
			trunk.Targets = append(trunk.Targets, ccs.TrunkTarget{Host: w.provider(i, j).String(), Port: frontPort})
		}
		f.put(tables.Trunks.Put(f.ctx, &trunk))
		f.number(fmt.Sprintf("%s%02d", bridgeNumber, i), ccs.Action{ID: "bridge", Bridge: &ccs.Bridge{Number: outside(i)}})
		if s.agent {
			f.agent(i, s)
		}
	}
}

// filler writes a configuration into a store.
type filler struct {
	t      *trial
	ctx    context.Context
	db     store.Store
	tables *store.Tables
}

func (f *filler) put(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *filler) trunk(id string, ip netip.Addr, port int, trusted bool) {
	f.put(f.tables.Trunks.Put(f.ctx, &ccs.Trunk{
		Meta: ccs.Meta{ID: id}, Name: id, Trusted: trusted, Targets: []ccs.TrunkTarget{{Host: ip.String(), Port: port}},
	}))
}

// number has a number run one action and then end.
func (f *filler) number(number string, action ccs.Action) {
	flow := ccs.Flow{TimeZone: "UTC", Language: "en", Steps: []ccs.Step{{ID: "step", Name: "Step", Actions: []ccs.Action{action}}}}
	id := "plan-" + number
	f.put(f.tables.Versions.Put(f.ctx, &ccs.PlanVersion{Meta: ccs.Meta{ID: id + "-1"}, PlanID: id, Version: 1, PublishedAt: time.Now().UTC(), Flow: flow}))
	f.put(f.tables.Plans.Put(f.ctx, &ccs.Plan{Meta: ccs.Meta{ID: id}, Name: number, Draft: flow, Published: id + "-1"}))
	f.put(f.tables.Numbers.Put(f.ctx, &ccs.Number{Number: number, Label: number, PlanID: id}))
}

// sound is a tone.
func (f *filler) sound(id string, d time.Duration) {
	samples := media.Tone(440, d, 0.3)
	coded := make([]byte, len(samples))
	media.EncodeALaw(coded, samples)
	file := media.AppendWAVHeader(nil, media.WAV{Codec: media.PCMA, Channels: 1, SampleRate: 8000, DataBytes: int64(len(coded))})
	w, err := f.db.Blobs().Create(f.ctx, "sound/"+id)
	f.put(err)
	_, err = w.Write(append(file, coded...))
	f.put(err)
	f.put(w.Commit())
	f.put(w.Close())
	f.put(f.tables.Sounds.Put(f.ctx, &ccs.Sound{Meta: ccs.Meta{ID: id}, Name: id, Blob: "sound/" + id, Duration: ccs.MillisOf(d)}))
}
