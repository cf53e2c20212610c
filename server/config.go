package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Config is what the environment and the command line say (design §8). The
// zero value of a field means its default.
type Config struct {
	StoreConfig
	HTTP          string `name:"http" env:"CARILLON_HTTP" default:":8080" help:"Address of web pages, API and WebSocket."`
	Domain        string `name:"domain" env:"CARILLON_DOMAIN" help:"When set: HTTPS on port 443 with automatic certificates for this name."`
	SIP           string `name:"sip" env:"CARILLON_SIP" default:":5060" help:"Address of SIP over UDP and TCP."`
	SIPTLS        string `name:"sip-tls" env:"CARILLON_SIP_TLS" help:"Address of SIP over TLS, such as :5061. Default: none."`
	SIPTLSCert    string `name:"sip-tls-cert" env:"CARILLON_SIP_TLS_CERT" help:"File of its certificate and those that sign it, PEM. Default: that of CARILLON_DOMAIN, or a self-signed one."`
	SIPTLSKey     string `name:"sip-tls-key" env:"CARILLON_SIP_TLS_KEY" help:"File of the certificate's key, PEM."`
	SIPTLSCA      string `name:"sip-tls-ca" env:"CARILLON_SIP_TLS_CA" help:"File of further authorities that sign the certificates of trunks, PEM. Those of the machine count too."`
	RTPPorts      string `name:"rtp-ports" env:"CARILLON_RTP_PORTS" default:"16384-32767" help:"UDP ports of telephone media."`
	WebRTCPort    string `name:"webrtc-port" env:"CARILLON_WEBRTC_PORT" default:"8443" help:"UDP and TCP port of browser media."`
	PublicIP      string `name:"public-ip" env:"CARILLON_PUBLIC_IP" help:"Address told to peers. Default: detected."`
	Trunks        string `name:"trunks" env:"CARILLON_TRUNKS" help:"Addresses or networks from which calls are taken without a trunk, separated by commas."`
	AdminPassword string `name:"admin-password" env:"CARILLON_ADMIN_PASSWORD" help:"Password of the first administrator. Default: generated and printed once."`
	Demo          bool   `name:"demo" env:"CARILLON_DEMO" help:"Fill an empty store with the demo set and accept SIP from loopback."`
	Log           string `name:"log" env:"CARILLON_LOG" default:"info" enum:"debug,info,warn,error" help:"Log level."`

	// EndNow is closed when calls that still run are to end at once; a nil one
	// gives them their time.
	EndNow <-chan struct{} `kong:"-"`
}

// settings is a Config that was read and found good.
type settings struct {
	Config
	level            slog.Level
	rtpFirst, rtpEnd int
	publicIP         netip.Addr // invalid where it is to be detected
	trunks           []netip.Prefix
	webrtc           string
}

// check reads the parts of a configuration. Its errors name the setting and
// the reason, all at once.
func (c Config) check() (settings, error) {
	s := settings{Config: c}
	var problems []error
	bad := func(setting string, format string, args ...any) {
		problems = append(problems, fmt.Errorf("%s: %s", setting, fmt.Sprintf(format, args...)))
	}
	if err := s.level.UnmarshalText([]byte(c.Log)); err != nil {
		bad("CARILLON_LOG", "%q is none of debug, info, warn, error", c.Log)
	}
	uri, err := c.uri()
	if err != nil {
		problems = append(problems, err)
	}
	s.Store = uri
	first, last, ok := strings.Cut(c.RTPPorts, "-")
	var err1, err2 error
	s.rtpFirst, err1 = strconv.Atoi(first)
	s.rtpEnd, err2 = strconv.Atoi(last)
	if !ok || err1 != nil || err2 != nil || s.rtpFirst < 1024 || s.rtpEnd > 65535 || s.rtpFirst+s.rtpFirst%2 >= s.rtpEnd {
		bad("CARILLON_RTP_PORTS", "%q is not a range of ports such as 16384-32767", c.RTPPorts)
	}
	if c.PublicIP != "" {
		ip, err := netip.ParseAddr(c.PublicIP)
		if err != nil {
			bad("CARILLON_PUBLIC_IP", "%q is not an IP address", c.PublicIP)
		}
		s.publicIP = ip
	}
	for _, text := range strings.FieldsFunc(c.Trunks, func(r rune) bool { return r == ',' || r == ' ' }) {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			addr, addrErr := netip.ParseAddr(text)
			if addrErr != nil {
				bad("CARILLON_TRUNKS", "%q is neither an address nor a network", text)
				continue
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		s.trunks = append(s.trunks, prefix)
	}
	s.webrtc = c.WebRTCPort
	if !strings.Contains(s.webrtc, ":") {
		s.webrtc = ":" + s.webrtc
	}
	if (c.SIPTLSCert == "") != (c.SIPTLSKey == "") {
		bad("CARILLON_SIP_TLS_CERT", "a certificate needs CARILLON_SIP_TLS_KEY, and a key a certificate")
	}
	addresses := map[string]string{"CARILLON_HTTP": c.HTTP, "CARILLON_SIP": c.SIP, "CARILLON_WEBRTC_PORT": s.webrtc}
	if c.SIPTLS != "" {
		addresses["CARILLON_SIP_TLS"] = c.SIPTLS
	}
	for setting, addr := range addresses {
		if _, port, err := net.SplitHostPort(addr); err != nil {
			bad(setting, "%q is not host:port", addr)
		} else if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
			bad(setting, "%q is not a port", port)
		}
	}
	return s, errors.Join(problems...)
}
