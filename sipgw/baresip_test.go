package sipgw

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
)

// baresip runs somebody else's telephone as line 100 until the test ends.
func baresip(t *testing.T, b *bench, transport string) {
	t.Helper()
	program, err := exec.LookPath("baresip")
	if err != nil {
		t.Skip("baresip is not installed")
	}
	folder := t.TempDir()
	to := b.Addr()
	if transport == "tls" {
		to = b.AddrTLS()
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("config", strings.Join([]string{
		"module_path /usr/lib/baresip/modules", "module g711.so", "module aufile.so", "module aubridge.so", "module_tmp account.so", "module_app menu.so",
		"sip_listen 127.0.0.1:0", "sip_verify_server no", "audio_player aubridge,nowhere", "audio_alert aubridge,nowhere",
		"audio_source aufile," + filepath.Join(folder, "noise.wav"), "ausrc_srate 8000", "auplay_srate 8000", "ausrc_channels 1", "auplay_channels 1", "",
	}, "\n"))
	write("accounts", fmt.Sprintf("<sip:100@%s;transport=%s>;auth_pass=secret;regint=60;answermode=auto\n", to, transport))
	write("contacts", "")
	// Ten seconds of anything, 8 kHz, 16 bits.
	sound := make([]byte, 160_000)
	_, _ = rand.Read(sound)
	var wav []byte
	wav = append(wav, "RIFF"...)
	wav = binary.LittleEndian.AppendUint32(wav, uint32(36+len(sound)))
	wav = append(wav, "WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"...)
	wav = binary.LittleEndian.AppendUint32(wav, 8000)
	wav = binary.LittleEndian.AppendUint32(wav, 16000)
	wav = append(wav, "\x02\x00\x10\x00data"...)
	wav = binary.LittleEndian.AppendUint32(wav, uint32(len(sound)))
	write("noise.wav", string(append(wav, sound...)))
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "-f", folder)
	cmd.Dir = folder
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("baresip said:\n%s", said.String())
		}
	})
}

func TestBaresipIsALine(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"udp", "tcp", "tls"} {
		t.Run(transport, func(t *testing.T) {
			b := startLines(t, func(c *Config) { secure(t, c) }, line100())
			baresip(t, b, transport)
			eventually(t, "baresip is registered", func() bool { return b.Stats().Registered == 1 })
			c := b.LineStates()[0].Contacts[0]
			if !strings.Contains(c.UserAgent, "baresip") || c.Transport != strings.ToUpper(transport) {
				t.Errorf("contact %+v", c)
			}
			if s := b.Stats(); s.Failures != 0 {
				t.Errorf("stats %+v", s)
			}
			l, err := b.Call(Outgoing{Line: "line-100", From: "1000", FromName: "Eve"})
			if err != nil {
				t.Fatal(err)
			}
			heard := &collector{}
			events := make(chan call.Event, 100)
			l.Listen(call.Listener{Packets: heard, Events: func(e call.Event) { events <- e }})
			for answered := false; !answered; {
				select {
				case e := <-events:
					switch e := e.(type) {
					case call.Answered:
						answered = true
					case call.Gone:
						t.Fatalf("gone by %v", e.Cause)
					}
				case <-time.After(patience):
					t.Fatal("baresip does not answer")
				}
			}
			eventually(t, "baresip is heard", func() bool { return heard.packets() > 10 })
			l.Hangup(call.Cause{By: call.ByCaller, Reason: call.ReasonHangup})
		})
	}
}
