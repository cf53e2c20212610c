package server

import (
	"net/netip"
	"strings"
	"testing"
)

// good is a configuration as the command line makes it.
func good() Config {
	return Config{StoreConfig: StoreConfig{Data: "./data"}, HTTP: ":8080", SIP: ":5060", RTPPorts: "16384-32767", WebRTCPort: "8443", Log: "info"}
}

func TestBadSettingsAreRefusedByName(t *testing.T) {
	for setting, spoil := range map[string]func(*Config){
		"CARILLON_LOG":         func(c *Config) { c.Log = "loud" },
		"CARILLON_STORE":       func(c *Config) { c.Store = "postgres://host/db" },
		"CARILLON_RTP_PORTS":   func(c *Config) { c.RTPPorts = "32767-16384" },
		"CARILLON_PUBLIC_IP":   func(c *Config) { c.PublicIP = "my.host" },
		"CARILLON_TRUNKS":      func(c *Config) { c.Trunks = "192.0.2.1, nonsense" },
		"CARILLON_HTTP":        func(c *Config) { c.HTTP = "8080" },
		"CARILLON_SIP":         func(c *Config) { c.SIP = ":sip" },
		"CARILLON_WEBRTC_PORT": func(c *Config) { c.WebRTCPort = "99999" },
	} {
		t.Run(setting, func(t *testing.T) {
			c := good()
			spoil(&c)
			_, err := c.check()
			if err == nil || !strings.Contains(err.Error(), setting) {
				t.Errorf("error %v does not name %s", err, setting)
			}
		})
	}
}

func TestRangeWithoutAPairOfPortsIsRefused(t *testing.T) {
	for ports, fits := range map[string]bool{"16384-16385": true, "16385-16387": true, "16385-16386": false, "16384-16384": false} {
		c := good()
		c.RTPPorts = ports
		if _, err := c.check(); (err == nil) != fits {
			t.Errorf("%s: %v", ports, err)
		}
	}
}

func TestSettingsAreRead(t *testing.T) {
	c := good()
	c.Trunks = "192.0.2.1,198.51.100.0/24 2001:db8::1"
	s, err := c.check()
	if err != nil {
		t.Fatal(err)
	}
	want := []netip.Prefix{
		netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("2001:db8::1/128"),
	}
	if len(s.trunks) != len(want) {
		t.Fatalf("trunks %v", s.trunks)
	}
	for i := range want {
		if s.trunks[i] != want[i] {
			t.Errorf("trunk %v, want %v", s.trunks[i], want[i])
		}
	}
	if s.Store != "sqlite:data/carillon.db" || s.webrtc != ":8443" || s.rtpFirst != 16384 || s.rtpEnd != 32767 {
		t.Errorf("settings %+v", s)
	}
}
