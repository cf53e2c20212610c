package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/internal/leaks"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/server"
	"github.com/carillon-cc/carillon/server/desk/desktest"
	"github.com/carillon-cc/carillon/sipgw/phone"
	"github.com/carillon-cc/carillon/sipgw/siptest"
	"github.com/carillon-cc/carillon/sqlite"
	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/webrtc/browser"
)

func TestMain(m *testing.M) { leaks.Verify(m) }

const password = "a password for tests"

// patience is how long is waited for what must happen. It happens in milliseconds,
// but the machine may be busy.
const patience = 30 * time.Second

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
	httpPort := siptest.FreePorts(t, 3)
	sipPort, mediaPort := httpPort+1, httpPort+2
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
	for limit := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		response, err := http.Get(c.base + "/readyz")
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case err := <-stopped:
			c.t.Fatalf("the server ended: %v", err)
		default:
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
	opened bool // see open
}

// opening is what open says.
var opening = append([]byte("open"), make([]byte, media.FrameSamples-len("open"))...)

// open speaks until it is heard: nothing else tells the ends of a call when
// they are put together.
func (e *ear) open(t *testing.T, say mouth) {
	t.Helper()
	for limit := time.Now().Add(patience); time.Now().Before(limit); time.Sleep(media.FrameTime) {
		e.mu.Lock()
		opened := e.opened
		e.mu.Unlock()
		if opened {
			return
		}
		say(opening)
	}
	t.Fatalf("nothing is heard after %v", patience)
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
}

func (e *ear) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.got)
}

// among counts those of the payloads that came. It fails when one was changed.
func (e *ear) among(t *testing.T, payloads [][]byte) int {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, sent := range payloads {
		got := e.got[binary.BigEndian.Uint32(sent[4:])]
		if got != nil && !bytes.Equal(got, sent) {
			t.Fatal("a payload was changed")
		}
		if got != nil {
			n++
		}
	}
	return n
}

// marks numbers the payloads of all tests.
var marks atomic.Uint32

// marked are payloads of noise, each with a mark and a number of its own.
func marked(n int) [][]byte {
	list := make([][]byte, n)
	for i := range list {
		list[i] = make([]byte, media.FrameSamples)
		_, _ = rand.Read(list[i])
		copy(list[i], "mark")
		binary.BigEndian.PutUint32(list[i][4:], marks.Add(1))
	}
	return list
}

// mouth says one payload after the other at one end of a call.
type mouth func(payload []byte)

// speak says the payloads, one every 20 ms, and returns by how much the machine
// let one of them be late.
func speak(payloads [][]byte, say mouth) (late time.Duration) {
	next := time.Now()
	for _, payload := range payloads {
		time.Sleep(time.Until(next))
		late = max(late, time.Since(next))
		next = next.Add(media.FrameTime)
		say(payload)
	}
	return late
}

// speakUntil says the payloads, over and over, until something is heard of them.
func speakUntil(t *testing.T, what string, payloads [][]byte, say mouth, heard func() bool) {
	t.Helper()
	for limit := time.Now().Add(patience); !heard(); {
		if time.Now().After(limit) {
			t.Fatalf("%s is not heard", what)
		}
		speak(payloads, say)
	}
}

// direction is one of the two of a call.
type direction struct {
	to  string
	say mouth
	at  *ear
}

// A call that hears nothing for some frames fills in silence, and when its peer
// speaks again at that moment a packet is dropped. Beyond stalled the machine, not
// the server, may be what lost packets.
const stalled = 3 * media.FrameTime

// converse has n payloads go each way at the same time, once both ends hear each
// other. They arrive as they were sent; of each way one may be missing. Where the
// machine stalled meanwhile, it has them try again.
func converse(t *testing.T, n int, ways ...direction) {
	t.Helper()
	for _, way := range ways {
		way.at.open(t, way.say)
	}
	for trial := 1; ; trial++ {
		sent, late := make([][][]byte, len(ways)), make([]time.Duration, len(ways))
		var all sync.WaitGroup
		for i, way := range ways {
			sent[i] = marked(n)
			all.Go(func() { late[i] = speak(sent[i], way.say) })
		}
		all.Wait()
		complete := true
		for i, way := range ways {
			got := 0
			for limit := time.Now().Add(2 * time.Second); got < n && time.Now().Before(limit); time.Sleep(5 * time.Millisecond) {
				got = way.at.among(t, sent[i])
			}
			if complete = complete && got >= n-1; got < n-1 && (trial == 10 || slices.Max(late) < stalled) {
				t.Errorf("%d of %d packets reached %s, although none was late by more than %v", got, n, way.to, slices.Max(late))
				return
			}
		}
		if complete {
			return
		}
	}
}

func overPhone(call *phone.Call) mouth {
	source, i := media.NewSource(), 0
	return func(payload []byte) {
		call.WritePacket(&media.Packet{
			Source: source, Codec: call.Codec(), Sequence: uint16(i), Timestamp: uint32(i * media.FrameSamples),
			Payload: payload, Arrived: media.Now(),
		})
		i++
	}
}

func overBrowser(b *browser.Browser, codec media.Codec) mouth {
	pt, _ := b.PayloadType(codec)
	i := 0
	return func(payload []byte) {
		h := media.Header{PayloadType: pt, Sequence: uint16(i), Timestamp: uint32(i * media.FrameSamples), SSRC: b.SSRC()}
		_ = b.Send(h, payload)
		i++
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
	converse(t, 100, direction{"the agent", overPhone(call), atAgent}, direction{"the caller", overBrowser(b, media.PCMA), atCaller})
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

	again := c.visit("alice", "tab-1")
	after := again.Until("call", func(m desktest.Message) bool { return m.Call != nil })
	if after.Call.ID != before.Call.ID || !after.Call.Muted {
		t.Errorf("after the reload: call %s muted %v, before: %s", after.Call.ID, after.Call.Muted, before.Call.ID)
	}
	atAgent := newEar()
	b := again.Connect(c.browsers, listening(atAgent))
	again.Send(map[string]any{"type": "mute", "on": false})
	again.Until("end of mute", func(m desktest.Message) bool { return m.Call != nil && !m.Call.Muted })
	converse(t, 25, direction{"the agent", overPhone(caller), atAgent}, direction{"the caller", overBrowser(b, media.PCMA), atCaller})
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
	case <-time.After(patience):
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
	case <-time.After(20 * time.Second): // without it, the call has 30 s
		t.Fatal("the second signal was not heeded")
	}
	select {
	case <-call.Done():
	case <-time.After(patience):
		t.Error("the caller was not told")
	}
}
