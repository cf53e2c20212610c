package sipgw_test

import (
	"context"
	"net"
	"net/netip"
)

// names is a resolver that knows the SRV records of SIP over TLS of one domain,
// and the address of all names.
type names struct {
	srv    string // the domain; "" for no SRV at all
	target string
	port   uint16
	at     netip.Addr
}

func (n names) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	if n.srv == "" || service != "sips" || proto != "tcp" || name != n.srv {
		return "", nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return "", []*net.SRV{{Target: n.target + ".", Port: n.port}}, nil
}

func (n names) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{n.at}, nil
}
