package registrar

import (
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// maxContacts bounds the Contact headers that a REGISTER may hold at all.
const maxContacts = 20

// maxParam bounds what is kept of a Contact's parameters, in bytes.
const maxParam = 256

// asked is one Contact of a REGISTER.
type asked struct {
	uri      sip.Uri
	instance string // +sip.instance and reg-id (RFC 5626 §4.1), "" without
	q        string
	expires  time.Duration // -1 where it says nothing
}

// readContacts reads the Contact headers of a REGISTER. all tells that it is the
// one "*" which stands for every binding.
func readContacts(req *sip.Request) (contacts []asked, all bool, err error) {
	headers := req.GetHeaders("Contact")
	if len(headers) > maxContacts {
		return nil, false, refusal(403, "Too Many Contacts")
	}
	general := time.Duration(-1)
	if h := req.GetHeader("Expires"); h != nil {
		general = seconds(h.Value())
	}
	for _, h := range headers {
		c, ok := h.(*sip.ContactHeader)
		if !ok {
			return nil, false, refusal(sip.StatusBadRequest, "Bad Contact")
		}
		if c.Address.Wildcard {
			// RFC 3261 §10.2.2: alone, and with Expires 0 only.
			if len(headers) > 1 || general != 0 {
				return nil, false, refusal(sip.StatusBadRequest, "Bad Contact")
			}
			return nil, true, nil
		}
		one, ok := readContact(c)
		if !ok {
			return nil, false, refusal(sip.StatusBadRequest, "Bad Contact")
		}
		if one.expires < 0 {
			one.expires = general
		}
		contacts = append(contacts, one)
	}
	return contacts, false, nil
}

// readContact reads one Contact. What it holds goes into headers of ours later,
// so nothing that could end a header may be in it.
func readContact(c *sip.ContactHeader) (asked, bool) {
	a := asked{uri: *c.Address.Clone(), expires: -1}
	if !usable(a.uri) {
		return asked{}, false
	}
	for _, p := range c.Params {
		if len(p.V) > maxParam || !plain(p.V) {
			return asked{}, false
		}
		switch strings.ToLower(p.K) {
		case "expires":
			a.expires = seconds(p.V)
		case "q":
			if _, err := strconv.ParseFloat(p.V, 64); err == nil {
				a.q = p.V
			}
		case "+sip.instance":
			a.instance = p.V + a.instance
		case "reg-id":
			a.instance += ";" + p.V
		}
	}
	if strings.HasPrefix(a.instance, ";") { // reg-id without an instance says nothing
		a.instance = ""
	}
	return a, true
}

// usable tells whether a telephone can be called by a URI.
func usable(uri sip.Uri) bool {
	text, scheme := uri.String(), strings.ToLower(uri.Scheme)
	return (scheme == "sip" || scheme == "sips") && uri.Host != "" && len(text) <= maxParam && plain(text) && !strings.ContainsAny(text, "<>\" ")
}

func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// seconds reads an expiry. What cannot be read means the default
// (RFC 3261 §20.19).
func seconds(text string) time.Duration {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32)
	if err != nil {
		return -1
	}
	return time.Duration(n) * time.Second
}

// sameContact compares two addresses (RFC 3261 §19.1.4), as far as telephones
// make a difference.
func sameContact(a, b sip.Uri) bool {
	transport := func(u sip.Uri) string {
		t, _ := u.UriParams.Get("transport")
		if t == "" && !strings.EqualFold(u.Scheme, "sips") {
			t = "udp"
		}
		return strings.ToLower(t)
	}
	port := func(u sip.Uri) int {
		if u.Port == 0 {
			return sip.DefaultUdpPort
		}
		return u.Port
	}
	return strings.EqualFold(a.Scheme, b.Scheme) && a.User == b.User && strings.EqualFold(a.Host, b.Host) && port(a) == port(b) && transport(a) == transport(b)
}
