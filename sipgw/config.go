// Package sipgw is Carillon's side of SIP, over UDP, TCP and TLS: it takes calls
// from telephones and trunks and places them there, registers with providers and
// is the registrar of lines, keeps strangers out, and makes a call's leg of each.
package sipgw

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/trunk"
)

// Config is what a Gateway needs to know.
type Config struct {
	// Listen is the address of SIP over UDP and TCP. Without a host all the
	// machine's addresses are bound, each by itself, so that requests leave
	// from the port that the peer knows. Port 0 chooses one. Default ":5060".
	Listen string
	// BindIPs replaces the host of Listen when there is more than one.
	BindIPs []netip.Addr
	// ListenTLS is the address of SIP over TLS, as Listen; "" for none. Its
	// certificate is that of TLS, which it needs.
	ListenTLS string
	TLS       *tls.Config
	// TLSRoots are who signs the certificates of peers that we connect to. It is
	// asked before each connection, by any goroutine; nil, and a nil pool, are those
	// of the machine.
	TLSRoots func() *x509.CertPool
	// OnLines is told when a line gets its first registered telephone or loses its
	// last. It runs in many goroutines, one at a time, and only posts.
	OnLines func(lineID string, registered bool)
	// PublicIP is told to peers, except to those on this machine and those of the
	// other IP version. When it is not set they are told the address that they
	// called.
	PublicIP netip.Addr
	// Ports opens the RTP ports. Required.
	Ports *media.Ports
	// Pacer drives timeouts, silence and digits. Required; somebody else runs it.
	Pacer *media.Pacer
	// AllowLoopback takes calls from this machine.
	AllowLoopback bool
	// AllowedNetworks are addresses that calls are taken from without a trunk.
	AllowedNetworks []netip.Prefix
	// OnTrunk is told when the state of a trunk changes, in order, by one
	// goroutine. It only posts. May be nil.
	OnTrunk func(TrunkState)
	// OnAlarm is told that a trunk's guard stopped an outgoing call, at most
	// once a minute for each guard of a trunk. It only posts. May be nil.
	OnAlarm func(Alarm)
	// OnDialled is told of each outgoing call that a trunk's limits of the day
	// count, with the trunk and the agent or line that pays ("" for a plan). Any
	// goroutine may call it. It only posts. May be nil.
	OnDialled func(trunk, by string)
	// DailyCounts says how many calls were placed since the beginning of a day
	// (UTC), so that a restart does not reset the daily limits of trunks. It is
	// asked at the first SetTrunks, and again about every half a minute while it
	// fails. May be nil.
	DailyCounts func(day time.Time) ([]trunk.DailyCount, error)
	// Resolver looks up the names of trunks. Default net.DefaultResolver.
	Resolver trunk.Resolver
	// FixedMedia trusts only the media address of the SDP. Otherwise the peer's
	// sound is taken from where it comes and then held (libraries call this
	// symmetric RTP), which calls through NAT need.
	FixedMedia bool
	// MediaSources limits where such sound may come from. Empty means anywhere.
	MediaSources []netip.Prefix
	// Encryption is what is demanded of callers of whom neither a trunk nor a
	// line says it. Encrypted sound is taken whenever it is offered over TLS.
	Encryption ccs.Encryption
	// MaxCalls is how many calls are taken at the same time; 0 means no limit
	// but that of the RTP ports. More are refused with 503.
	MaxCalls int
	Timers   Timers
	// shift is how many datagrams are read before what sipgo keeps of their
	// sources is dropped.
	shift int
	// sameKey is sameKeyTime, which a test makes longer.
	sameKey time.Duration
	// Log is where to write. Default slog.Default().
	Log *slog.Logger
}

// Timers are times that a test shortens. Zero values mean the defaults.
type Timers struct {
	T1 time.Duration // RFC 3261 §17.1.1.1, 500 ms
	T2 time.Duration // RFC 3261 §17.1.2.2, 4 s
	// MediaTimeout is how long a caller who is not on hold may send nothing
	// before the call is taken for dead. 30 s.
	MediaTimeout time.Duration
	// Session is the session interval that our calls ask for (RFC 4028), in whole
	// seconds. 30 min.
	Session time.Duration
	// MinSession is the shortest session interval that is accepted, in whole
	// seconds. 90 s (RFC 4028 §5).
	MinSession time.Duration
	// TrunkTest is how often a trunk's targets are asked whether they live. 30 s.
	TrunkTest time.Duration
	// Ringing is how long anybody whom we call may ring at most. Who places a call
	// gives up sooner: a plan after 30 min at the latest. 31 min.
	Ringing time.Duration
	// Farewell bounds how long Run waits at its end for peers to take their
	// BYE. 2 s.
	Farewell time.Duration
}

// withDefaults checks c and fills in what it does not say.
func (c Config) withDefaults() (Config, error) {
	if c.Ports == nil {
		return c, errors.New("SIP: Ports is missing")
	}
	if c.Pacer == nil {
		return c, errors.New("SIP: Pacer is missing")
	}
	if c.ListenTLS != "" && c.TLS == nil {
		return c, errors.New("SIP: TLS is missing, which ListenTLS needs")
	}
	if c.TLS != nil {
		c.TLS = c.TLS.Clone()
		c.TLS.MinVersion = max(c.TLS.MinVersion, tls.VersionTLS12)
	}
	if c.Listen == "" {
		c.Listen = ":5060"
	}
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.shift == 0 {
		c.shift = shiftSize
	}
	setDefault(&c.sameKey, sameKeyTime)
	setDefault(&c.Timers.T1, 500*time.Millisecond)
	setDefault(&c.Timers.T2, 4*time.Second)
	setDefault(&c.Timers.MediaTimeout, 30*time.Second)
	setDefault(&c.Timers.Session, 30*time.Minute)
	setDefault(&c.Timers.MinSession, 90*time.Second)
	setDefault(&c.Timers.TrunkTest, 30*time.Second)
	setDefault(&c.Timers.Ringing, 31*time.Minute)
	setDefault(&c.Timers.Farewell, 2*time.Second)
	return c, nil
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// bindAddresses are the addresses to listen on; their port may be 0.
func (c Config) bindAddresses() ([]netip.AddrPort, error) { return c.addresses(c.Listen) }

// secureAddresses are the addresses to listen on for TLS, if any.
func (c Config) secureAddresses() ([]netip.AddrPort, error) {
	if c.ListenTLS == "" {
		return nil, nil
	}
	return c.addresses(c.ListenTLS)
}

func (c Config) addresses(listen string) ([]netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fmt.Errorf("SIP: Listen %q: %w", listen, err)
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("SIP: Listen %q: bad port: %w", listen, err)
	}
	ips := c.BindIPs
	if len(ips) == 0 && host != "" {
		ip, err := netip.ParseAddr(host)
		if err != nil {
			return nil, fmt.Errorf("SIP: Listen %q: the host must be an IP address: %w", listen, err)
		}
		ips = []netip.Addr{ip}
	}
	if len(ips) == 0 || len(ips) == 1 && ips[0].IsUnspecified() {
		only4 := len(ips) == 1 && ips[0].Is4()
		if ips, err = machineIPs(only4); err != nil {
			return nil, err
		}
	}
	at := make([]netip.AddrPort, len(ips))
	for i, ip := range ips {
		at[i] = netip.AddrPortFrom(ip.Unmap(), uint16(port))
	}
	return at, nil
}

// machineIPs lists the addresses of this machine that a peer can name.
func machineIPs(only4 bool) ([]netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("SIP: listing the machine's addresses: %w", err)
	}
	var ips []netip.Addr
	for _, a := range all {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		ip := prefix.Addr().Unmap()
		if ip.IsLinkLocalUnicast() || ip.IsMulticast() || only4 && !ip.Is4() {
			continue
		}
		ips = append(ips, ip)
	}
	if len(ips) == 0 {
		return nil, errors.New("SIP: the machine has no address to listen on")
	}
	return ips, nil
}
