package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/server"
	"github.com/carillon-cc/carillon/server/desk/desktest"
	"github.com/carillon-cc/carillon/sipgw/phone"
	"github.com/carillon-cc/carillon/sqlite"
	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/webrtc/browser"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "a password for tests"

// center is a whole Carillon with the demo set, telephones and browsers.
type center struct {
	t        *testing.T
	base     string // of HTTP
	sip      string
	phone    *phone.Phone
	browsers *browser.Engine
	cookies  map[string]string
	config   server.Config
	stop     context.CancelFunc // asks the server to stop
	endNow   context.CancelFunc // and not to wait for calls
	stopped  chan error         // holds what Run returned, and is closed
}

func start(t *testing.T) *center {
	t.Helper()
	return startWith(t, func(*store.Tables) {})
}

// startWith starts on a store that fill has been at, with settings that change may
// have changed.
func startWith(t *testing.T, fill func(*store.Tables), change ...func(*server.Config)) *center {
	t.Helper()
	data := t.TempDir()
	db, err := sqlite.Open(t.Context(), filepath.Join(data, "carillon.db"))
	if err != nil {
		t.Fatal(err)
	}
	tables := store.NewTables(db)
	if err := tables.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	fill(tables)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	c := &center{t: t, cookies: make(map[string]string)}
	httpPort, sipPort, mediaPort := freePort(t), freePort(t), freePort(t)
	c.base = fmt.Sprintf("http://127.0.0.1:%d", httpPort)
	c.sip = fmt.Sprintf("sip:1000@127.0.0.1:%d", sipPort)
	c.config = server.Config{
		StoreConfig: server.StoreConfig{Data: data}, HTTP: fmt.Sprintf("127.0.0.1:%d", httpPort), SIP: fmt.Sprintf("127.0.0.1:%d", sipPort),
		RTPPorts: "20000-29999", WebRTCPort: fmt.Sprintf("127.0.0.1:%d", mediaPort), AdminPassword: password, Demo: true, Log: "error",
	}
	for _, f := range change {
		f(&c.config)
	}
	if c.phone, err = phone.New(phone.Config{Local: netip.MustParseAddr("127.0.0.1")}); err != nil {
		t.Fatal(err)
	}
	if c.browsers, err = browser.NewEngine(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.phone.Close()
		c.browsers.Close()
		c.halt()
		http.DefaultClient.CloseIdleConnections()
	})
	c.launch()
	return c
}

// launch starts the server and waits until it is ready.
func (c *center) launch() {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	now, endNow := context.WithCancel(context.Background())
	config := c.config
	config.EndNow = now.Done()
	stopped := make(chan error, 1)
	c.stop, c.endNow, c.stopped = cancel, endNow, stopped
	go func() {
		defer close(stopped)
		stopped <- server.Run(ctx, config)
	}()
	for limit := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		response, err := http.Get(c.base + "/readyz")
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(limit) {
			c.t.Fatal("the server did not get ready")
		}
	}
}

// halt stops the server in order.
func (c *center) halt() {
	c.t.Helper()
	c.stop()
	defer c.endNow()
	if err := <-c.stopped; err != nil {
		c.t.Error(err)
	}
}

// restart stops the server in order and starts it again.
func (c *center) restart() {
	c.t.Helper()
	c.halt()
	c.launch()
}

// freePort is a port below those that the system gives to connections, so that
// none takes it before the server does.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 10000 + mathrand.IntN(6000)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		_ = l.Close()
		return port
	}
	t.Fatal("no port is free")
	return 0
}

// visit signs an agent in, the first time, and opens a page.
func (c *center) visit(agent, tab string) *desktest.Page {
	c.t.Helper()
	if c.cookies[agent] == "" {
		jar, err := cookiejar.New(nil)
		if err != nil {
			c.t.Fatal(err)
		}
		client := http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		response, err := client.PostForm(c.base+"/login", url.Values{"login": {agent}, "password": {password}})
		if err != nil {
			c.t.Fatal(err)
		}
		_ = response.Body.Close()
		client.CloseIdleConnections()
		base, _ := url.Parse(c.base)
		for _, cookie := range jar.Cookies(base) {
			c.cookies[agent] += cookie.String() + "; "
		}
		if c.cookies[agent] == "" {
			c.t.Fatalf("%s could not sign in: %s", agent, response.Status)
		}
	}
	header := http.Header{"Cookie": {c.cookies[agent]}, "Origin": {c.base}}
	return desktest.Open(c.t, "ws"+strings.TrimPrefix(c.base, "http")+"/ws", header, tab)
}

// ear collects payloads that begin with a mark.
type ear struct {
	mu     sync.Mutex
	got    map[uint32][]byte
	opened bool      // see open
	when   time.Time // of the last
}

// opening is what open says.
var opening = append([]byte("open"), make([]byte, media.FrameSamples-len("open"))...)

// open speaks until it is heard: nothing else tells the ends of a call when
// they are put together.
func (e *ear) open(t *testing.T, send func(i int, payload []byte)) {
	t.Helper()
	for i := range 500 {
		e.mu.Lock()
		opened := e.opened
		e.mu.Unlock()
		if opened {
			return
		}
		send(i, opening)
		time.Sleep(media.FrameTime)
	}
	t.Fatal("nothing is heard after 10 s")
}

func newEar() *ear { return &ear{got: make(map[uint32][]byte)} }

func (e *ear) hear(payload []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.opened = e.opened || bytes.Equal(payload, opening)
	if len(payload) != media.FrameSamples || !bytes.HasPrefix(payload, []byte("mark")) {
		return
	}
	e.got[binary.BigEndian.Uint32(payload[4:])] = bytes.Clone(payload)
	e.when = time.Now()
}

func (e *ear) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.got)
}

// until waits until n different payloads came, but no longer than 5 s, and
// returns how many did.
func (e *ear) until(n int) int {
	for limit := time.Now().Add(5 * time.Second); e.count() < n && time.Now().Before(limit); {
		time.Sleep(5 * time.Millisecond)
	}
	return e.count()
}

// wantHeard waits for n payloads, of which one may be missing.
func wantHeard(t *testing.T, who string, e *ear, n int) {
	t.Helper()
	if got := e.until(n); got < n-1 {
		e.mu.Lock()
		defer e.mu.Unlock()
		t.Errorf("%d of %d packets reached %s: %v", got, n, who, slices.Sorted(maps.Keys(e.got)))
	}
}

// marked are payloads of noise, each with a mark and a number.
func marked(n int) [][]byte {
	list := make([][]byte, n)
	for i := range list {
		list[i] = make([]byte, media.FrameSamples)
		_, _ = rand.Read(list[i])
		copy(list[i], "mark")
		binary.BigEndian.PutUint32(list[i][4:], uint32(i))
	}
	return list
}

// speak has send send the payloads, one every 20 ms.
func speak(payloads [][]byte, send func(i int, payload []byte)) {
	next := time.Now()
	for i, payload := range payloads {
		time.Sleep(time.Until(next))
		next = next.Add(media.FrameTime)
		send(i, payload)
	}
}

func overPhone(call *phone.Call) func(int, []byte) {
	source := media.NewSource()
	return func(i int, payload []byte) {
		call.WritePacket(&media.Packet{
			Source: source, Codec: call.Codec(), Sequence: uint16(i), Timestamp: uint32(i * media.FrameSamples),
			Payload: payload, Arrived: media.Now(),
		})
	}
}

func overBrowser(b *browser.Browser, codec media.Codec) func(int, []byte) {
	pt, _ := b.PayloadType(codec)
	return func(i int, payload []byte) {
		h := media.Header{PayloadType: pt, Sequence: uint16(i), Timestamp: uint32(i * media.FrameSamples), SSRC: b.SSRC()}
		_ = b.Send(h, payload)
	}
}

// dial calls the demo and presses a key of its menu as soon as it answers.
func (c *center) dial(key string, heard *ear, codecs ...media.Codec) *phone.Call {
	c.t.Helper()
	call, err := c.phone.Dial(c.t.Context(), phone.Options{
		URI: c.sip, From: "+33612345678", Codecs: codecs, Keep: 3 * time.Second, Packet: func(p *media.Packet) { heard.hear(p.Payload) },
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(call.Hangup)
	if err := call.WaitAnswer(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	call.SendDigits(key)
	return call
}

func listening(e *ear) browser.Options {
	return browser.Options{OnPacket: func(_ media.Header, payload []byte, _ time.Duration) { e.hear(payload) }}
}

func TestSoundPassesThroughTheServerUnchanged(t *testing.T) {
	c := start(t)
	page := c.visit("alice", "tab-1")
	atAgent, atCaller := newEar(), newEar()
	b := page.Ready(c.browsers, listening(atAgent))
	call := c.dial("2", atCaller)
	page.Answer()

	fromCaller, fromAgent := marked(100), marked(100)
	var both sync.WaitGroup
	both.Go(func() { speak(fromCaller, overPhone(call)) })
	both.Go(func() { speak(fromAgent, overBrowser(b, media.PCMA)) })
	both.Wait()
	for _, way := range []struct {
		name string
		sent [][]byte
		at   *ear
	}{{"the agent", fromCaller, atAgent}, {"the caller", fromAgent, atCaller}} {
		wantHeard(t, way.name, way.at, 100)
		for i, got := range way.at.got {
			if !bytes.Equal(got, way.sent[i]) {
				t.Fatalf("payload %d to %s was changed", i, way.name)
			}
		}
	}
}

func TestReloadedPageHasTheSameCallAndItsMute(t *testing.T) {
	c := start(t)
	page := c.visit("alice", "tab-1")
	page.Ready(c.browsers, browser.Options{})
	atCaller := newEar()
	caller := c.dial("2", atCaller)
	before := page.Answer()
	page.Send(map[string]any{"type": "mute", "on": true})
	page.Until("mute", func(m desktest.Message) bool { return m.Call != nil && m.Call.Muted })
	page.Leave()

	left := time.Now()
	again := c.visit("alice", "tab-1")
	after := again.Until("call", func(m desktest.Message) bool { return m.Call != nil })
	if after.Call.ID != before.Call.ID || !after.Call.Muted {
		t.Errorf("after the reload: call %s muted %v, before: %s", after.Call.ID, after.Call.Muted, before.Call.ID)
	}
	atAgent := newEar()
	b := again.Connect(c.browsers, listening(atAgent))
	again.Send(map[string]any{"type": "mute", "on": false})
	again.Until("end of mute", func(m desktest.Message) bool { return m.Call != nil && !m.Call.Muted })
	var both sync.WaitGroup
	both.Go(func() { speak(marked(25), overPhone(caller)) })
	both.Go(func() { speak(marked(25), overBrowser(b, media.PCMA)) })
	both.Wait()
	if took := time.Since(left); took > 3*time.Second {
		t.Errorf("sound was back after %v", took)
	}
	if atAgent.count() < 20 || atCaller.count() < 20 {
		t.Errorf("after the reload %d packets reached the agent and %d the caller, of 25", atAgent.count(), atCaller.count())
	}
}

func TestClosedTabGivesTheCallerBackToTheHeadOfTheQueue(t *testing.T) {
	c := start(t)
	alice := c.visit("alice", "tab-a")
	alice.Ready(c.browsers, browser.Options{})
	caller := c.dial("1", newEar())
	first := alice.Answer()
	alice.Leave()

	bob := c.visit("bob", "tab-b")
	b := bob.Ready(c.browsers, browser.Options{})
	second := bob.Answer() // 5 s after the tab was closed
	if second.Call.ID != first.Call.ID {
		t.Errorf("bob got call %s, alice had %s", second.Call.ID, first.Call.ID)
	}
	_ = b
	bob.Send(map[string]any{"type": "hangup"})
	select {
	case <-caller.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("the caller was not hung up")
	}
	bob.Until("wrap-up", desktest.InState("wrapUp"))
	bob.Send(map[string]any{"type": "endWrapUp"})
	bob.Until("ready", desktest.InState("ready"))
}

func TestMetricsTellOfStrangers(t *testing.T) {
	c := start(t)
	response, err := http.Get(c.base + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"dropped", "challenges", "wrong_passwords", "throttled"} {
		if !strings.Contains(string(text), "\ncarillon_sip_"+name+"_total 0\n") {
			t.Errorf("no count of what is %s in\n%s", name, text)
		}
	}
}

func TestUnknownNumbersAreRefused(t *testing.T) {
	c := start(t)
	call, err := c.phone.Dial(t.Context(), phone.Options{URI: strings.Replace(c.sip, "1000", "4711", 1)})
	if err != nil {
		t.Fatal(err)
	}
	if err := call.WaitAnswer(t.Context()); err == nil || call.Ending().Status != http.StatusNotFound {
		t.Errorf("status %d, error %v", call.Ending().Status, err)
	}
}

func TestASecondSignalEndsTheCallsAtOnce(t *testing.T) {
	c := start(t)
	call := c.dial("3", newEar())
	c.stop()
	select {
	case <-c.stopped:
		t.Fatal("the first signal did not wait for the call")
	case <-time.After(300 * time.Millisecond):
	}
	c.endNow()
	select {
	case err := <-c.stopped:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the second signal was not heeded")
	}
	select {
	case <-call.Done():
	case <-time.After(5 * time.Second):
		t.Error("the caller was not told")
	}
}
