package screen

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestStreamPassesGoodMessagesAndRefusesOthers(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	bad := strings.Replace(good, "7 INVITE", "7 BYE", 1)
	withBody := strings.Replace(good, "Length: 0\r\n\r\n", "Length: 4\r\n\r\nbody", 1)
	ack := strings.ReplaceAll(strings.Replace(good, "7 INVITE", "x ACK", 1), "INVITE", "ACK")
	go func() {
		for _, b := range []byte("\r\n\r\n" + good + bad + ack + withBody) { // as small as TCP may cut it
			_, _ = there.Write([]byte{b})
		}
	}()
	refusal := make(chan string)
	go func() {
		line, _ := bufio.NewReader(there).ReadString('\n')
		refusal <- line
		_, _ = io.Copy(io.Discard, there)
	}()
	c := NewConn(here, func() string { return "t" })
	want := strings.ReplaceAll("\r\n\r\n"+good+withBody, ", <", ",<") // made tidy
	got := make([]byte, len(want))
	_ = here.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Errorf("%v\n%q, want\n%q", err, got, want)
	}
	if line := <-refusal; line != "SIP/2.0 400 Bad Request\r\n" {
		t.Errorf("refused with %q", line)
	}
	_ = there.Close()
}

func TestStreamOfNoMessagesEnds(t *testing.T) {
	for name, text := range map[string]string{
		"no SIP":       "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"without end":  strings.Repeat("x", 2*maxStream),
		"huge body":    strings.Replace(good, "Length: 0", "Length: 999999", 1),
		"closed early": "INVITE sip:",
	} {
		here, there := net.Pipe()
		go func() {
			_, _ = there.Write([]byte(text))
			_ = there.Close()
		}()
		n, err := NewConn(here, func() string { return "t" }).Read(make([]byte, 4096))
		if n != 0 || err == nil {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
		_ = here.Close()
	}
}
