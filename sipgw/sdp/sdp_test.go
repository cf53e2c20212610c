package sdp

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-cc/carillon/media"
)

var (
	here  = netip.MustParseAddrPort("198.51.100.7:12034")
	here6 = netip.MustParseAddrPort("[2001:db8::7]:12034")
)

func crlf(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n" }

func TestAnswerDirectionFollowsTheHoldTable(t *testing.T) {
	rows := []struct {
		offered   Direction
		noAddress bool
		want      Direction
	}{
		{SendRecv, false, SendRecv},
		{SendOnly, false, RecvOnly},
		{RecvOnly, false, SendOnly},
		{Inactive, false, Inactive},
		{SendRecv, true, RecvOnly},
		{SendOnly, true, RecvOnly},
		{RecvOnly, true, Inactive},
		{Inactive, true, Inactive},
	}
	for _, r := range rows {
		if got := AnswerDirection(r.offered, r.noAddress); got != r.want {
			t.Errorf("offered %v, no address %v: answered %v, want %v", r.offered, r.noAddress, got, r.want)
		}
	}
}

func TestAnswerAgreesOnWhatTheOfferAllows(t *testing.T) {
	head := crlf("v=0", "o=- 1 1 IN IP4 192.0.2.9", "s=-", "c=IN IP4 192.0.2.9", "t=0 0")
	remote := netip.MustParseAddrPort("192.0.2.9:4000")
	rows := []struct {
		name  string
		offer string
		want  Agreement
		err   error
	}{
		{
			"their first encoding, their event number",
			head + crlf("m=audio 4000 RTP/AVP 18 0 8 96", "a=rtpmap:96 telephone-event/8000", "a=fmtp:96 0-15"),
			Agreement{Codec: media.PCMU, EventType: 96, Remote: remote},
			nil,
		},
		{
			"static numbers without rtpmap",
			head + crlf("m=audio 4000 RTP/AVP 8 0"),
			Agreement{Codec: media.PCMA, PayloadType: 8, Remote: remote},
			nil,
		},
		{
			"G.722 by its static number, which came first",
			head + crlf("m=audio 4000 RTP/AVP 9 8 0"),
			Agreement{Codec: media.G722, PayloadType: 9, Remote: remote},
			nil,
		},
		{
			"G.722 by rtpmap, after another",
			head + crlf("m=audio 4000 RTP/AVP 18 98 8", "a=rtpmap:98 g722/8000/1"),
			Agreement{Codec: media.G722, PayloadType: 98, Remote: remote},
			nil,
		},
		{
			"G.722 with a clock of 16 kHz is none",
			head + crlf("m=audio 4000 RTP/AVP 9 8", "a=rtpmap:9 G722/16000"),
			Agreement{Codec: media.PCMA, PayloadType: 8, Remote: remote},
			nil,
		},
		{
			"G.722 not preferred",
			head + crlf("m=audio 4000 RTP/AVP 8 9"),
			Agreement{Codec: media.PCMA, PayloadType: 8, Remote: remote},
			nil,
		},
		{
			"dynamic number for A-law",
			head + crlf("m=audio 4000 RTP/AVP 97", "a=rtpmap:97 pcma/8000/1"),
			Agreement{Codec: media.PCMA, PayloadType: 97, Remote: remote},
			nil,
		},
		{
			"a static number with another meaning",
			head + crlf("m=audio 4000 RTP/AVP 8 0", "a=rtpmap:8 L16/44100"),
			Agreement{Codec: media.PCMU, Remote: remote},
			nil,
		},
		{
			"line feeds alone and no last line end",
			"v=0\nc=IN IP4 192.0.2.9\nm=audio 4000 RTP/AVP 8\na=sendonly",
			Agreement{Codec: media.PCMA, PayloadType: 8, Remote: remote, Direction: RecvOnly, Held: true},
			nil,
		},
		{
			"address at media level only",
			crlf("v=0", "m=audio 4000 RTP/AVP 8", "c=IN IP4 192.0.2.9"),
			Agreement{Codec: media.PCMA, PayloadType: 8, Remote: remote},
			nil,
		},
		{
			"direction and ptime at session level",
			crlf("v=0", "c=IN IP4 192.0.2.9", "a=inactive", "a=ptime:30", "m=audio 4000 RTP/AVP 8"),
			Agreement{Codec: media.PCMA, PayloadType: 8, Remote: remote, Direction: Inactive, Held: true, FrameTime: 30},
			nil,
		},
		{
			"media level wins over session level",
			crlf("v=0", "c=IN IP4 10.0.0.1", "a=inactive", "m=audio 4000 RTP/AVP 8", "c=IN IP4 192.0.2.9", "a=sendrecv"),
			Agreement{Codec: media.PCMA, PayloadType: 8, Remote: remote},
			nil,
		},
		{
			"recvonly",
			head + crlf("m=audio 4000 RTP/AVP 8", "a=recvonly"),
			Agreement{Codec: media.PCMA, PayloadType: 8, Remote: remote, Direction: SendOnly, Held: true},
			nil,
		},
		{
			"the hold of RFC 2543",
			crlf("v=0", "c=IN IP4 0.0.0.0", "m=audio 4000 RTP/AVP 8"),
			Agreement{Codec: media.PCMA, PayloadType: 8, Direction: RecvOnly, Held: true},
			nil,
		},
		{
			"IPv6",
			crlf("v=0", "c=IN IP6 2001:db8::9", "m=audio 4000 RTP/AVP 8"),
			Agreement{Codec: media.PCMA, PayloadType: 8, Remote: netip.MustParseAddrPort("[2001:db8::9]:4000")},
			nil,
		},
		{
			"multicast suffix and port count",
			crlf("v=0", "c=IN IP4 192.0.2.9/127", "m=audio 4000/2 RTP/AVP 8"),
			Agreement{Codec: media.PCMA, PayloadType: 8, Remote: remote},
			nil,
		},
		{
			"attributes before the first media line",
			crlf("v=0", "c=IN IP4 192.0.2.9", "a=rtpmap:8 L16/44100", "a=fmtp:8", "a=", "m=audio 4000 RTP/AVP 8"),
			Agreement{Codec: media.PCMA, PayloadType: 8, Remote: remote},
			nil,
		},
		{
			"a dynamic number for G.711 in an odd place of the order",
			"v=0\na=rtcp-mux\na=maxptime:60\nc=IN IP4 192.0.2.9\nm=video 0 RTP/AVP 31\na=rtpmap:97 H264/90000\n" +
				"m=audio 4000 RTP/AVP 96 97 13 101\na=ptime:30\na=rtpmap:101 telephone-event/8000\na=rtpmap:97 PCMU/8000\na=rtpmap:96 AMR-WB/16000\na=sendrecv",
			Agreement{Codec: media.PCMU, PayloadType: 97, EventType: 101, Remote: remote, FrameTime: 30, Mux: true},
			nil,
		},
		{
			"the most time in a packet, less than usual",
			head + crlf("m=audio 4000 RTP/AVP 8", "a=ptime:40", "a=maxptime:10"),
			Agreement{Codec: media.PCMA, PayloadType: 8, Remote: remote, FrameTime: 10},
			nil,
		},
		{
			"the most time in a packet alone, more than usual",
			head + crlf("m=audio 4000 RTP/AVP 8", "a=maxptime:150", "a=ptime:x"),
			Agreement{Codec: media.PCMA, PayloadType: 8, Remote: remote},
			nil,
		},
		{
			"RTCP elsewhere",
			head + crlf("m=audio 4000 RTP/AVP 8", "a=rtcp:4444 IN IP4 192.0.2.10"),
			Agreement{Codec: media.PCMA, PayloadType: 8, Remote: remote, Control: netip.MustParseAddrPort("192.0.2.10:4444")},
			nil,
		},
		{
			"RTCP on another port of the same host",
			head + crlf("m=audio 4000 RTP/AVP 8", "a=rtcp:4444"),
			Agreement{Codec: media.PCMA, PayloadType: 8, Remote: remote, Control: netip.MustParseAddrPort("192.0.2.9:4444")},
			nil,
		},
		{
			"RTP with feedback",
			head + crlf("m=audio 4000 RTP/AVPF 8"),
			Agreement{Codec: media.PCMA, PayloadType: 8, Remote: remote},
			nil,
		},
		{"only foreign encodings", head + crlf("m=audio 4000 RTP/AVP 18 3"), Agreement{}, ErrNoCodec},
		{"encrypted only", head + crlf("m=audio 4000 RTP/SAVP 8"), Agreement{}, ErrNoCodec},
		{"sound removed", head + crlf("m=audio 0 RTP/AVP 8"), Agreement{}, ErrNoCodec},
		{"fax instead of sound", head + crlf("m=audio 0 RTP/AVP 8", "m=image 4002 udptl t38"), Agreement{}, ErrNoCodec},
		{"a host name for an address", crlf("v=0", "c=IN IP4 pbx.example", "m=audio 4000 RTP/AVP 8"), Agreement{}, ErrNoAddress},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			offer, err := Parse([]byte(r.offer))
			if err != nil {
				t.Fatal(err)
			}
			local := here
			if offer.SoundAddress().Is6() {
				local = here6
			}
			_, got, err := NewWriter(1).Answer(offer, local)
			if !errors.Is(err, r.err) {
				t.Fatalf("error %v, want %v", err, r.err)
			}
			// An answer of ours has the peer's numbers.
			if r.want.OwnPayloadType, r.want.OwnEventType = r.want.PayloadType, r.want.EventType; got != r.want {
				t.Errorf("agreed on %+v, want %+v", got, r.want)
			}
		})
	}
}

func TestAnswerHasItsOneShapeAndAsManyLinesAsTheOffer(t *testing.T) {
	offer, err := Parse([]byte(crlf("v=0", "c=IN IP4 192.0.2.9",
		"m=video 5000 RTP/AVP 99 100", "m=audio 4000 RTP/SAVP 8", "m=audio 4002 RTP/AVP 18 8 96", "a=rtpmap:96 telephone-event/8000",
		"m=image 5002 udptl t38")))
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := NewWriter(77).Answer(offer, here)
	if err != nil {
		t.Fatal(err)
	}
	want := crlf("v=0", "o=- 77 1 IN IP4 198.51.100.7", "s=-", "c=IN IP4 198.51.100.7", "t=0 0",
		"m=video 0 RTP/AVP 99 100", "m=audio 0 RTP/SAVP 8",
		"m=audio 12034 RTP/AVP 8 96", "a=rtpmap:8 PCMA/8000", "a=rtpmap:96 telephone-event/8000", "a=fmtp:96 0-16", "a=ptime:20", "a=sendrecv",
		"m=image 0 udptl t38")
	if string(got) != want {
		t.Errorf("answered\n%s\nwant\n%s", got, want)
	}
}

func TestVersionRisesOnlyWhenTheDescriptionChanges(t *testing.T) {
	parse := func(direction string) *Description {
		d, err := Parse([]byte(crlf("c=IN IP4 192.0.2.9", "m=audio 4000 RTP/AVP 8", "a="+direction)))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	w := NewWriter(5)
	for _, step := range []struct{ direction, origin string }{
		{"sendrecv", "o=- 5 1 "},
		{"sendrecv", "o=- 5 1 "},
		{"sendonly", "o=- 5 2 "},
		{"sendrecv", "o=- 5 3 "},
	} {
		body, _, err := w.Answer(parse(step.direction), here)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(body), step.origin) {
			t.Errorf("after %s the answer lacks %q:\n%s", step.direction, step.origin, body)
		}
	}
}

func TestOfferIsUnderstoodByTheOtherSide(t *testing.T) {
	caller, callee := NewWriter(1), NewWriter(2)
	for _, codecs := range [][]media.Codec{nil, {media.PCMU, media.PCMA}, {media.PCMU}} {
		offer, err := Parse(caller.Offer(here, codecs, SendOnly))
		if err != nil {
			t.Fatal(err)
		}
		there := netip.MustParseAddrPort("192.0.2.1:9000")
		body, theirs, err := callee.Answer(offer, there)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := Parse(body)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := caller.Accept(answer)
		if err != nil {
			t.Fatal(err)
		}
		first := media.PCMA
		if len(codecs) > 0 {
			first = codecs[0]
		}
		if ours.Codec != first || theirs.Codec != first {
			t.Errorf("offered %v: agreed on %v and %v", codecs, ours.Codec, theirs.Codec)
		}
		if ours.Remote != there || theirs.Remote != here || ours.EventType != 101 || theirs.Direction != RecvOnly || ours.Direction != SendOnly {
			t.Errorf("caller has %+v, callee has %+v", ours, theirs)
		}
	}
}

func TestParseRefusesWhatIsNoDescription(t *testing.T) {
	rows := map[string]string{
		"empty":             "",
		"no media line":     crlf("v=0", "c=IN IP4 192.0.2.9"),
		"too long":          "v=0\r\n" + strings.Repeat("a=x\r\n", MaxSize),
		"too many lines":    strings.Repeat("m=audio 4000 RTP/AVP 8\r\n", maxLines+1),
		"too many formats":  "m=audio 4000 RTP/AVP" + strings.Repeat(" 8", maxFormats+1),
		"no format":         crlf("m=audio 4000 RTP/AVP"),
		"bad port":          crlf("m=audio port RTP/AVP 8"),
		"port out of range": crlf("m=audio 65536 RTP/AVP 8"),
		"foreign character": crlf("m=audio 4000 RTP/AVP 8 <x>"),
	}
	for name, body := range rows {
		if d, err := Parse([]byte(body)); err == nil {
			t.Errorf("%s: accepted as %+v", name, d)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(crlf("v=0", "o=- 1 1 IN IP4 192.0.2.9", "s=-", "c=IN IP4 192.0.2.9", "t=0 0", "m=audio 4000 RTP/AVP 8 0 101",
		"a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=ptime:20", "a=sendrecv")))
	f.Add([]byte("c=IN IP6 ::\nm=audio 1/2 RTP/AVP 97\na=rtpmap:97 PCMU/8000"))
	f.Add([]byte("c=IN IP4 192.0.2.1\nm=audio 9 RTP/SAVP 8\na=crypto:1 AEAD_AES_128_GCM inline:" + strings.Repeat("A", 38) + "|2^31 WSH=64\na=rtcp:9 IN IP6 ::1\na=rtcp-mux"))
	f.Add([]byte("c=IN IP4 192.0.2.1\nm=image 0 udptl t38\nm=audio 1 RTP/AVPF 9 127\na=rtpmap:127 telephone-event/8000\nm=video 9 RTP/AVP 96"))
	f.Add([]byte("a=rtpmap:8\r\nm=video 0 x y\r\nm=audio 1 RTP/AVP 8\r\na=inactive"))
	f.Fuzz(func(t *testing.T, body []byte) {
		offer, err := Parse(body)
		if err != nil {
			return
		}
		w := NewWriter(1)
		w.SetPolicy(Preferred)
		local := here
		if offer.SoundAddress().Is6() {
			local = here6
		}
		answer, agreed, err := w.Answer(offer, local)
		if err != nil {
			return
		}
		again, err := Parse(answer)
		if err != nil {
			t.Fatalf("our answer cannot be read: %v\n%s", err, answer)
		}
		if len(again.Lines) != len(offer.Lines) {
			t.Fatalf("%d lines answered with %d", len(offer.Lines), len(again.Lines))
		}
		if !slices.Contains(spoken, agreed.Codec) {
			t.Fatalf("agreed on %v", agreed.Codec)
		}
		later, err := Parse(w.Offer(local, nil, SendRecv))
		if err != nil || len(later.Lines) != len(offer.Lines) {
			t.Fatalf("an offer after it has %d lines of %d (%v)", len(later.Lines), len(offer.Lines), err)
		}
		for _, line := range strings.SplitAfter(string(answer), "\n") {
			if line != "" && !strings.HasSuffix(line, "\r\n") {
				t.Fatalf("bad line end in %q", line)
			}
		}
	})
}

func TestOfferPutsThePreferredCodecFirst(t *testing.T) {
	for first, want := range map[media.Codec]string{
		media.NoCodec: " 8 0 9 101\r\n", media.PCMA: " 8 0 9 101\r\n", media.PCMU: " 0 8 9 101\r\n",
		media.G722: " 9 8 0 101\r\n", media.Opus: " 8 0 9 101\r\n",
	} {
		offer := string(NewWriter(1).Offer(here, Preferring(first), SendRecv))
		if !strings.Contains(offer, want) || !strings.Contains(offer, "a=rtpmap:9 G722/8000\r\n") {
			t.Errorf("preferring %v: %s", first, offer)
		}
	}
}

func TestOfferWithinASessionKeepsItsLinesAndNumbers(t *testing.T) {
	head := crlf("v=0", "o=- 1 1 IN IP4 192.0.2.9", "s=-", "c=IN IP4 192.0.2.9", "t=0 0")
	w := NewWriter(1)
	kinds := func(text []byte) string {
		t.Helper()
		d, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, l := range d.Lines {
			used := "used"
			if l.Port == 0 {
				used = "refused"
			}
			lines = append(lines, l.Kind+" "+l.Protocol+" "+used)
		}
		return strings.Join(lines, ", ")
	}
	for _, row := range []struct{ name, offer, want string }{
		{
			"video before and a fax behind",
			crlf("m=video 5000 RTP/AVP 96", "m=audio 4000 RTP/AVPF 8 97", "a=rtpmap:97 telephone-event/8000", "m=image 5002 udptl t38"),
			"video RTP/AVP refused, audio RTP/AVPF used, image udptl refused",
		},
		{
			"two lines of sound, of which the second can be used",
			crlf("m=audio 4000 RTP/AVP 18", "m=audio 4002 RTP/AVP 8 97", "a=rtpmap:97 telephone-event/8000"),
			"audio RTP/AVP refused, audio RTP/AVP used",
		},
		{
			"the sound was taken away",
			crlf("m=video 5000 RTP/AVP 96", "m=audio 0 RTP/AVP 8"),
			"video RTP/AVP refused, audio RTP/AVP used",
		},
	} {
		offer, err := Parse([]byte(head + row.offer))
		if err != nil {
			t.Fatal(err)
		}
		if offer.Removed() {
			w.AnswerRemoved(offer, Agreement{EventType: 97}, here)
		} else if _, _, err = w.Answer(offer, here); err != nil {
			t.Fatal(err)
		}
		again := w.Offer(here, nil, SendRecv)
		if got := kinds(again); got != row.want {
			t.Errorf("%s: offered %s", row.name, got)
		}
		// A number keeps its meaning within a session.
		if !strings.Contains(string(again), "a=rtpmap:97 telephone-event/8000\r\n") || strings.Contains(string(again), "101") {
			t.Errorf("%s: offered\n%s", row.name, again)
		}
	}
}

func TestAnswerMayNumberAnew(t *testing.T) {
	head := crlf("v=0", "o=- 1 1 IN IP4 192.0.2.9", "s=-", "c=IN IP4 192.0.2.9", "t=0 0")
	answer, err := Parse([]byte(head + crlf("m=audio 4000 RTP/AVP 98 96", "a=rtpmap:98 G722/8000", "a=rtpmap:96 telephone-event/8000")))
	if err != nil {
		t.Fatal(err)
	}
	w := NewWriter(1)
	w.Offer(here, nil, SendRecv)
	got, err := w.Accept(answer)
	if err != nil || got.PayloadType != 98 || got.OwnPayloadType != 9 || got.EventType != 96 || got.OwnEventType != 101 {
		t.Errorf("agreed on %+v (%v)", got, err)
	}
	// An answer of ours that is repeated as an offer has the peer's numbers.
	if _, _, err := w.Answer(answer, here); err != nil {
		t.Fatal(err)
	}
	w.Repeat()
	if got, err = w.Accept(answer); err != nil || got.OwnPayloadType != 98 || got.OwnEventType != 96 {
		t.Errorf("repeated: agreed on %+v (%v)", got, err)
	}
}
