package dtlsrtp

import (
	"bytes"
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/internal/leaks"
)

func TestMain(m *testing.M) { leaks.Verify(m) }

// shake has both ends of a connection shake hands, over a network that asks
// lose of each datagram.
func shake(t *testing.T, lose func(fromServer bool, b []byte) bool, trust func(f *Fingerprint)) (server, client *Keys, serverErr, clientErr error) {
	t.Helper()
	own, err := NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	expected := other.Fingerprint
	trust(&expected)
	var near, far *Pipe
	near = NewPipe(func(b []byte) {
		if !lose(true, b) {
			far.Deliver(b)
		}
	})
	far = NewPipe(func(b []byte) {
		if !lose(false, b) {
			near.Deliver(b)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		client, clientErr = Handshake(ctx, far, true, other, own.Fingerprint)
	}()
	server, serverErr = Handshake(ctx, near, false, own, expected)
	<-done
	_ = near.Close()
	return server, client, serverErr, clientErr
}

func never(bool, []byte) bool { return false }

func TestBothEndsGetTheSameKeys(t *testing.T) {
	server, client, err1, err2 := shake(t, never, func(*Fingerprint) {})
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if !strings.Contains(strings.ToUpper(server.Profile()), "GCM") || client.Profile() != server.Profile() {
		t.Errorf("profiles %s and %s", server.Profile(), client.Profile())
	}
	out, err := server.Outbound()
	if err != nil {
		t.Fatal(err)
	}
	in, err := client.Inbound()
	if err != nil {
		t.Fatal(err)
	}
	packet := []byte{0x80, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 'h', 'i'}
	sealed, err := out.EncryptRTP(nil, packet, nil)
	if err != nil {
		t.Fatal(err)
	}
	if clear, err := in.DecryptRTP(nil, sealed, nil); err != nil || !bytes.Equal(clear, packet) {
		t.Errorf("%x, %v", clear, err)
	}
}

func TestLostFlightsCostLittleTime(t *testing.T) {
	for name, fromServer := range map[string]bool{"of the server": true, "of the client": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var lost atomic.Int32
				begin := time.Now()
				_, _, err1, err2 := shake(t, func(server bool, _ []byte) bool {
					return server == fromServer && lost.Add(1) == 1
				}, func(*Fingerprint) {})
				if err1 != nil || err2 != nil {
					t.Fatal(err1, err2)
				}
				if took := time.Since(begin); took > 200*time.Millisecond {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

func TestAnotherCertificateIsRefused(t *testing.T) {
	server, _, err, _ := shake(t, never, func(f *Fingerprint) { f[0] ^= 1 })
	if server != nil || err == nil {
		t.Errorf("keys %v, error %v", server, err)
	}
}

func TestFingerprintsAreReadAsWritten(t *testing.T) {
	c, err := NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{c.Fingerprint.String(), strings.ToLower(c.Fingerprint.String())} {
		if f, err := ParseFingerprint(s); err != nil || f != c.Fingerprint {
			t.Errorf("%s is read as %s, %v", s, f, err)
		}
	}
}
