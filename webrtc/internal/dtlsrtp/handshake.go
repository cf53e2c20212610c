package dtlsrtp

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/elliptic"
	"github.com/pion/logging"
	"github.com/pion/srtp/v3"
)

// flightInterval is when a lost flight is first repeated; the interval doubles
// after that. RFC 6347 §4.2.4.1 recommends a second, which an agent would
// notice; browsers too begin at 50 ms.
const flightInterval = 50 * time.Millisecond

// replayWindow is how many packets back a duplicate is recognised.
const replayWindow = 128

// ErrFingerprint says that the other side's certificate is not the one that its
// SDP told.
var ErrFingerprint = errors.New("the certificate does not match the fingerprint")

// Keys are what a handshake agreed on.
type Keys struct {
	profile srtp.ProtectionProfile
	keys    srtp.SessionKeys
}

// Profile is the name of the SRTP protection profile.
func (k *Keys) Profile() string { return k.profile.String() }

// Outbound returns a context that encrypts what we send. Contexts of different
// SSRCs may be used at the same time, one context may not.
func (k *Keys) Outbound() (*srtp.Context, error) {
	return srtp.CreateContext(k.keys.LocalMasterKey, k.keys.LocalMasterSalt, k.profile)
}

// Inbound returns a context that decrypts and refuses replays.
func (k *Keys) Inbound() (*srtp.Context, error) {
	return srtp.CreateContext(k.keys.RemoteMasterKey, k.keys.RemoteMasterSalt, k.profile,
		srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow))
}

// Handshake shakes hands over pipe, as the client or the server, and checks that
// the other side has the certificate of the fingerprint.
//
// The side that sends the last flight, the server, must be able to repeat it:
// the server's connection lives until the pipe is closed. The client is done.
func Handshake(ctx context.Context, pipe *Pipe, client bool, own *Certificate, other Fingerprint) (*Keys, error) {
	options := []dtls.Option{
		dtls.WithCertificates(own.tls),
		// GCM costs a third of AES-CM with HMAC-SHA1.
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithEllipticCurves(elliptic.X25519, elliptic.P256),
		dtls.WithFlightInterval(flightInterval),
		dtls.WithLoggerFactory(silent{}),
		// There is no authority to ask: the fingerprint decides.
		dtls.WithInsecureSkipVerify(true),
		dtls.WithVerifyPeerCertificate(func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 || sha256.Sum256(raw[0]) != other {
				return ErrFingerprint
			}
			return nil
		}),
	}
	conn, err := newConn(pipe, client, options)
	if err != nil {
		return nil, fmt.Errorf("preparing DTLS: %w", err)
	}
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = pipe.Close()
		_ = conn.Close()
		return nil, fmt.Errorf("DTLS handshake: %w", err)
	}
	keys, err := exportKeys(conn, client)
	if client || err != nil {
		// Closing the pipe first keeps the close from being told: the media
		// connection goes on without DTLS.
		_ = pipe.Close()
		_ = conn.Close()
	} else {
		go drain(conn)
	}
	return keys, err
}

func newConn(pipe *Pipe, client bool, options []dtls.Option) (*dtls.Conn, error) {
	if client {
		var o []dtls.ClientOption
		for _, option := range options {
			o = append(o, option)
		}
		return dtls.ClientWithOptions(pipe, pipeAddr{}, o...)
	}
	o := []dtls.ServerOption{
		dtls.WithClientAuth(dtls.RequireAnyClientCert),
		// ICE has proved the address already; a cookie would cost a round trip.
		dtls.WithInsecureSkipVerifyHello(true),
	}
	for _, option := range options {
		o = append(o, option)
	}
	return dtls.ServerWithOptions(pipe, pipeAddr{}, o...)
}

func exportKeys(conn *dtls.Conn, client bool) (*Keys, error) {
	profile, ok := conn.SelectedSRTPProtectionProfile()
	if !ok {
		return nil, errors.New("DTLS handshake: no SRTP profile in common")
	}
	state, ok := conn.ConnectionState()
	if !ok {
		return nil, errors.New("DTLS handshake: no connection state")
	}
	config := srtp.Config{Profile: srtp.ProtectionProfile(profile)}
	if err := config.ExtractSessionKeysFromDTLS(&state, client); err != nil {
		return nil, fmt.Errorf("extracting the SRTP keys: %w", err)
	}
	return &Keys{profile: config.Profile, keys: config.Keys}, nil
}

// drain drops what else comes over DTLS until the connection ends.
func drain(conn *dtls.Conn) {
	buf := make([]byte, maxDatagram)
	for {
		if _, err := conn.Read(buf); err != nil {
			_ = conn.Close()
			return
		}
	}
}

// silent keeps the DTLS library from writing to standard error: errors come
// back as errors.
type silent struct{}

func (silent) NewLogger(string) logging.LeveledLogger { return silentLogger{} }

type silentLogger struct{}

func (silentLogger) Trace(string)          {}
func (silentLogger) Tracef(string, ...any) {}
func (silentLogger) Debug(string)          {}
func (silentLogger) Debugf(string, ...any) {}
func (silentLogger) Info(string)           {}
func (silentLogger) Infof(string, ...any)  {}
func (silentLogger) Warn(string)           {}
func (silentLogger) Warnf(string, ...any)  {}
func (silentLogger) Error(string)          {}
func (silentLogger) Errorf(string, ...any) {}
