package screen

import (
	"bytes"
	"strings"
	"testing"
)

const good = "INVITE sip:1000@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\n" +
	"From: \"A, B\" <sip:a@example.com>;tag=1\r\nTo: <sip:1000@example.com>\r\nCall-ID: c@x\r\nCSeq: 7 INVITE\r\n" +
	"Max-Forwards: 70\r\nContact: <sip:a@192.0.2.1:5060;transport=udp>;expires=60, <sip:b@192.0.2.2>\r\nContent-Length: 0\r\n\r\n"

func TestCheck(t *testing.T) {
	rows := []struct {
		name, old, new string
		want           int
	}{
		{"as it should be", "", "", Pass},
		{"telephone number", "sip:1000@example.com SIP", "tel:+33123 SIP", Pass},
		{"folded, spaced and compact", "Call-ID: c@x", "i :\r\n c@x", Pass},
		{"a question mark in the user part", "sip:1000@", "sip:10?00@", Pass},
		{"comma and semicolon in a quotation", "A, B", "A,; B", Pass},
		{"escaped quote", "A, B", `A \" B`, Pass},
		{"body shorter than the datagram", "Length: 0", "Length: 0\r\nX: y", Pass},
		{"no such version", "SIP/2.0\r\nVia", "SIP/3.0\r\nVia", 505},
		{"two spaces", "INVITE sip", "INVITE  sip", 400},
		{"space at the end", "SIP/2.0\r\nVia", "SIP/2.0 \r\nVia", 400},
		{"brackets", "sip:1000@example.com SIP", "<sip:1000@example.com> SIP", 400},
		{"unknown scheme", "sip:1000@example.com SIP", "isbn:1 SIP", 416},
		{"no scheme", "sip:1000@example.com SIP", "1000 SIP", 400},
		{"headers in the URI", "example.com SIP", "example.com?Route=x SIP", 400},
		{"another method in CSeq", "7 INVITE", "7 BYE", 400},
		{"CSeq too high", "7 INVITE", "2147483648 INVITE", 400},
		{"CSeq without a number", "7 INVITE", "x INVITE", 400},
		{"no Via", "Via:", "X:", 400},
		{"no From", "From:", "X:", 400},
		{"no To", "To:", "X:", 400},
		{"no Call-ID", "Call-ID:", "X:", 400},
		{"two From", "Call-ID:", "From: <sip:b@b>\r\nCall-ID:", 400},
		{"two lengths", "Max-Forwards: 70", "l: 0", 400},
		{"negative length", "Length: 0", "Length: -1", 400},
		{"longer than there is", "Length: 0", "Length: 1", 400},
		{"quotation without end", "A, B\"", "A, B", 400},
		{"stray separators", ";branch=z9hG4bKx", ";;,;,,", 400},
		{"header without a colon", "Max-Forwards: 70", "Max-Forwards", 400},
		{"no end of the headers", "Content-Length: 0\r\n\r\n", "Content-Length: 0\r\n", 400},
		{"no request at all", good, "hello", Silent},
		{"nothing", good, "", Silent},
		{"keep-alive", good, "\r\n\r\n", Silent},
		{"response", "INVITE sip:1000@example.com SIP/2.0", "SIP/2.0 200 OK", Pass},
		{"response without a phrase", "INVITE sip:1000@example.com SIP/2.0", "SIP/2.0 100 ", Pass},
		{"impossible status", "INVITE sip:1000@example.com SIP/2.0", "SIP/2.0 4294967301 x", Silent},
		{"bad response", good, "SIP/2.0 200 OK\r\nVia: x\r\n\r\n", Silent},
	}
	for _, row := range rows {
		message := good
		if row.old != "" {
			if !strings.Contains(good, row.old) {
				t.Fatalf("%s: the message has no %q", row.name, row.old)
			}
			message = strings.Replace(good, row.old, row.new, 1)
		}
		if got := Check([]byte(message)); got != row.want {
			t.Errorf("%s: %d, want %d", row.name, got, row.want)
		}
	}
}

func TestCheckAllocatesNothing(t *testing.T) {
	message := []byte(good)
	if n := testing.AllocsPerRun(100, func() { Check(message) }); n > 1 {
		t.Errorf("%.0f allocations a message", n) // bytes.Fields of CSeq makes one
	}
}

func TestRefusalLeadsBackToTheSender(t *testing.T) {
	got := string(Refusal([]byte(good), 400, "mine"))
	want := "SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\n" +
		"From: \"A, B\" <sip:a@example.com>;tag=1\r\nTo: <sip:1000@example.com>;tag=mine\r\nCall-ID: c@x\r\nCSeq: 7 INVITE\r\nContent-Length: 0\r\n\r\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("SIP/2.0 200 OK\r\n\r\n"))
	f.Add([]byte("X y SIP/2.0\r\nVia: \"\r\n \\\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		status := Check(b)
		if !bytes.Equal(before, b) {
			t.Error("the message was changed")
		}
		if status > 0 {
			if phrases[status] == "" {
				t.Errorf("status %d has no phrase", status)
			}
			r := Refusal(b, status, "t")
			if !bytes.HasSuffix(r, []byte("\r\n\r\n")) || Check(r) > 0 {
				t.Errorf("refusal %q", r)
			}
		}
	})
}
