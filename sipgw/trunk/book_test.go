package trunk

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/carillon-cc/carillon/ccs"
)

// nameServer is a DNS server whose zone a test changes.
type nameServer struct {
	mu      sync.Mutex
	records map[string][]string // question as "name type" to records in zone file form
	broken  bool                // answers SERVFAIL
	asked   int
	*net.Resolver
}

func newNameServer(t *testing.T, records map[string][]string) *nameServer {
	t.Helper()
	s := &nameServer{records: records}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(s.answer)}
	var done sync.WaitGroup
	done.Go(func() { _ = server.ActivateAndServe() })
	t.Cleanup(func() {
		_ = conn.Close()
		done.Wait()
	})
	s.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
	return s
}

func (s *nameServer) answer(w dns.ResponseWriter, q *dns.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	m := new(dns.Msg)
	m.SetReply(q)
	name := strings.ToLower(strings.TrimSuffix(q.Question[0].Name, "."))
	known := false
	for key, texts := range s.records {
		if strings.HasPrefix(key, name+" ") {
			known = true
		}
		if key != name+" "+dns.TypeToString[q.Question[0].Qtype] {
			continue
		}
		for _, text := range texts {
			rr, err := dns.NewRR(q.Question[0].Name + " 60 IN " + dns.TypeToString[q.Question[0].Qtype] + " " + text)
			if err != nil {
				panic(err)
			}
			m.Answer = append(m.Answer, rr)
		}
	}
	switch {
	case s.broken:
		m.Rcode = dns.RcodeServerFailure
		m.Answer = nil
	case !known:
		m.Rcode = dns.RcodeNameError
	}
	_ = w.WriteMsg(m)
}

func (s *nameServer) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func everywhere(netip.Addr) bool { return true }

func places(endpoints []Endpoint) string {
	texts := make([]string, len(endpoints))
	for i, e := range endpoints {
		texts[i] = e.Peer.String() + "/" + e.Transport
	}
	return strings.Join(texts, " ")
}

func TestNamesAreLookedUpAsRFC3263Says(t *testing.T) {
	s := newNameServer(t, map[string][]string{
		"_sip._udp.carrier.example SRV":  {"20 0 5070 b.carrier.example.", "10 0 5060 a.carrier.example."},
		"_sips._tcp.carrier.example SRV": {"10 0 5081 a.carrier.example."},
		"_sip._tcp.carrier.example SRV":  {"0 0 0 ."},
		"a.carrier.example A":            {"192.0.2.1"},
		"b.carrier.example A":            {"192.0.2.3", "192.0.2.2"},
		"b.carrier.example AAAA":         {"2001:db8::2"},
		"carrier.example A":              {"192.0.2.9"},
		"plain.example A":                {"192.0.2.8"},
		"six.example AAAA":               {"2001:db8::6"},
	})
	only4 := func(ip netip.Addr) bool { return ip.Is4() }
	for _, row := range []struct {
		name   string
		target ccs.TrunkTarget
		want   string
		fails  bool
	}{
		{"by priority", ccs.TrunkTarget{Host: "carrier.example"}, "192.0.2.1:5060/UDP 192.0.2.2:5070/UDP 192.0.2.3:5070/UDP", false},
		{"capital letters and a dot", ccs.TrunkTarget{Host: "Carrier.Example."}, "192.0.2.1:5060/UDP 192.0.2.2:5070/UDP 192.0.2.3:5070/UDP", false},
		{"secure", ccs.TrunkTarget{Host: "carrier.example", Transport: ccs.TLS}, "192.0.2.1:5081/TLS", false},
		{"a service that is not there", ccs.TrunkTarget{Host: "carrier.example", Transport: ccs.TCP}, "", true},
		{"with a port", ccs.TrunkTarget{Host: "carrier.example", Port: 5090}, "192.0.2.9:5090/UDP", false},
		{"without SRV", ccs.TrunkTarget{Host: "plain.example"}, "192.0.2.8:5060/UDP", false},
		{"without SRV, secure", ccs.TrunkTarget{Host: "plain.example", Transport: ccs.TLS}, "192.0.2.8:5061/TLS", false},
		{"only addresses that we cannot reach", ccs.TrunkTarget{Host: "six.example"}, "", true},
		{"no such name", ccs.TrunkTarget{Host: "nobody.example"}, "", true},
		{"address", ccs.TrunkTarget{Host: "2001:db8::1"}, "[2001:db8::1]:5060/UDP", false},
	} {
		got, err := Resolve(t.Context(), s, row.target, only4)
		if places(got) != row.want || (err != nil) != row.fails {
			t.Errorf("%s: %s (%v), want %s", row.name, places(got), err, row.want)
		}
	}
}

func TestHeavierServerComesFirstMoreOften(t *testing.T) {
	s := newNameServer(t, map[string][]string{
		"_sip._udp.carrier.example SRV": {"10 90 5060 a.carrier.example.", "10 10 5060 b.carrier.example."},
		"a.carrier.example A":           {"192.0.2.1"},
		"b.carrier.example A":           {"192.0.2.2"},
	})
	heavy := 0
	for range 100 {
		if got, _ := Resolve(t.Context(), s, ccs.TrunkTarget{Host: "carrier.example"}, everywhere); len(got) == 2 && got[0].Peer.Addr().String() == "192.0.2.1" {
			heavy++
		}
	}
	if heavy < 70 || heavy == 100 {
		t.Errorf("90 %% of the weight came first %d times of 100", heavy)
	}
}

func TestLastGoodAnswerStaysWhileNamesCannotBeLookedUp(t *testing.T) {
	s := newNameServer(t, map[string][]string{"carrier.example A": {"192.0.2.1"}})
	changes := 0
	b := NewBook(s, everywhere, func() { changes++ })
	target := ccs.TrunkTarget{Host: "carrier.example"}
	b.Set([]ccs.TrunkTarget{target})
	if got, err := b.Endpoints(target); got != nil || err != nil {
		t.Errorf("before the first look-up: %v, %v", got, err)
	}
	if !b.Refresh(t.Context()) || changes != 1 {
		t.Fatalf("the first look-up failed or told nothing (%d changes)", changes)
	}
	s.set(func() { s.broken = true })
	if b.Refresh(t.Context()) {
		t.Error("a failure was not told")
	}
	if got, err := b.Endpoints(target); places(got) != "192.0.2.1:5060/UDP" || err == nil {
		t.Errorf("while DNS fails: %s (%v)", places(got), err)
	}
	s.set(func() { s.broken, s.records["carrier.example A"] = false, []string{"192.0.2.7"} })
	b.Refresh(t.Context())
	if got, err := b.Endpoints(target); places(got) != "192.0.2.7:5060/UDP" || err != nil || changes != 2 {
		t.Errorf("after a change: %s (%v), %d changes", places(got), err, changes)
	}
	b.Refresh(t.Context())
	if changes != 2 {
		t.Errorf("the same answer counted as a change")
	}
}

func TestNewNameIsLookedUpWithoutWaitingForTheNextMinute(t *testing.T) {
	s := newNameServer(t, map[string][]string{"carrier.example A": {"192.0.2.1"}, "other.example A": {"192.0.2.2"}})
	found := make(chan struct{}, 10)
	b := NewBook(s, everywhere, func() { found <- struct{}{} })
	b.Set([]ccs.TrunkTarget{{Host: "carrier.example"}})
	var done sync.WaitGroup
	done.Go(func() { b.Run(t.Context()) })
	t.Cleanup(done.Wait)
	for _, targets := range [][]ccs.TrunkTarget{nil, {{Host: "other.example"}}} {
		if targets != nil {
			b.Set(targets)
		}
		select {
		case <-found:
		case <-time.After(30 * time.Second):
			t.Fatal("nothing was looked up")
		}
	}
	if got, _ := b.Endpoints(ccs.TrunkTarget{Host: "other.example"}); places(got) != "192.0.2.2:5060/UDP" {
		t.Errorf("found %s", places(got))
	}
}

func TestAddressIsKnownAtOnce(t *testing.T) {
	b := NewBook(nil, everywhere, func() {})
	b.Set([]ccs.TrunkTarget{{Host: "192.0.2.1", Transport: ccs.TCP}})
	if got, err := b.Endpoints(ccs.TrunkTarget{Host: "192.0.2.1", Transport: ccs.TCP}); places(got) != "192.0.2.1:5060/TCP" || err != nil {
		t.Errorf("got %s (%v)", places(got), err)
	}
}
