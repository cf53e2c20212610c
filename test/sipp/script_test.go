package sipp

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
)

// script writes a scenario out for SIPp. The files say what happens; what every
// message has in it comes from here.
type script struct {
	called bool     // the telephone is called, rather than calling
	hasty  bool     // see scenario
	kept   []string // variables that were filled
	values map[string]string
}

// write expands a file of the folder scenarios to path.
func (s *script) write(t *trial, name, path string) {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("scenarios", name+".xml"))
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := template.New(name).Funcs(template.FuncMap{
		"send": s.send, "repeatless": s.repeatless, "reply": s.reply, "answer": s.answer, "recv": s.recv, "sdp": s.sdp,
		"body": makeBody, "pause": pause, "ack": s.ack, "bye": s.bye, "byeComes": s.byeComes, "invite": s.invite, "ringing": s.ringing, "refused": s.refused,
	}).Option("missingkey=error").Parse(string(source))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := tmpl.Execute(&text, s.values); err != nil {
		t.Fatal(err)
	}
	// What is looked at but not used must be named, or SIPp refuses the file.
	whole := text.String()
	if len(s.kept) > 0 {
		slices.Sort(s.kept)
		names := strings.Join(slices.Compact(s.kept), ",")
		whole = strings.Replace(whole, "</scenario>", "  <Reference variables=\""+names+"\"/>\n</scenario>", 1)
	}
	if err := os.WriteFile(path, []byte("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"+whole), 0o600); err != nil {
		t.Fatal(err)
	}
}

// body is what a message carries.
type body struct{ kind, text string }

func makeBody(kind string, lines ...string) body { return body{kind, strings.Join(lines, "\n")} }

// sdp is a session description. Options are key=value: dir, port, ip, pt
// (payload types of m=), version, ptime, map (a=rtpmap of another one), and
// maps=no, without any a=rtpmap.
func (s *script) sdp(options ...string) body {
	o := map[string]string{"dir": "sendrecv", "port": "[media_port]", "ip": "[local_ip]", "pt": "8", "version": "1", "ptime": "20"}
	if port := s.values["port"]; port != "" {
		o["port"] = port
	}
	for _, option := range options {
		key, value, _ := strings.Cut(option, "=")
		o[key] = value
	}
	lines := []string{
		"v=0", "o=sipp 1 " + o["version"] + " IN IP4 [local_ip]", "s=-", "c=IN IP4 " + o["ip"], "t=0 0",
		"m=audio " + o["port"] + " RTP/AVP " + o["pt"],
	}
	for pt := range strings.FieldsSeq(o["pt"]) {
		line := map[string]string{
			"0": "a=rtpmap:0 PCMU/8000", "8": "a=rtpmap:8 PCMA/8000", "9": "a=rtpmap:9 G722/8000", "13": "a=rtpmap:13 CN/8000",
			"18": "a=rtpmap:18 G729/8000", "101": "a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-16",
		}[pt]
		if line != "" && o["maps"] != "no" {
			lines = append(lines, line)
		}
	}
	if o["map"] != "" {
		lines = append(lines, "a=rtpmap:"+o["map"])
	}
	return body{"application/sdp", strings.Join(append(lines, "a=ptime:"+o["ptime"], "a="+o["dir"]), "\n")}
}

// rest writes headers and body: strings are header lines.
func rest(parts []any) string {
	var b strings.Builder
	var with body
	for _, part := range parts {
		switch part := part.(type) {
		case string:
			fmt.Fprintf(&b, "      %s\n", part)
		case body:
			with = part
		}
	}
	if with.kind == "" {
		b.WriteString("      Content-Length: 0\n\n")
		return b.String()
	}
	fmt.Fprintf(&b, "      Content-Type: %s\n      Content-Length: [len]\n\n", with.kind)
	for line := range strings.SplitSeq(with.text, "\n") {
		fmt.Fprintf(&b, "      %s\n", line)
	}
	return b.String()
}

func message(attributes, text string) string {
	return "<send" + attributes + ">\n    <![CDATA[\n" + text + "    ]]>\n  </send>"
}

// request writes a request. what is its method and its number: "INVITE 1". The
// branch follows from both, so that a CANCEL and the ACK of a refusal match, and
// a request that is written twice is a repeated one; a part "branch=x" sets
// another. "first=yes" makes it the first of its call, as INVITE 1 is. "call=2" is
// another call of the same telephone, which came to know the peer with a check
// "as peer2"; "contact=x" says where it is.
func (s *script) request(what string, parts []any) string {
	method, seq, _ := strings.Cut(what, " ")
	branch := method + seq
	if method == "CANCEL" {
		branch = "INVITE" + seq
	}
	kept, own := options(parts, "branch", "first", "call", "contact")
	first := own["first"] != "" || what == "INVITE 1" && !s.called || what == "CANCEL 1" || what == "ACK 1" && own["branch"] == "INVITE1"
	peer, tag, number, call := "peer", "c", "[caller]", "[call_id]"
	if own["call"] != "" {
		// What comes before the slashes is not SIPp's name for the call.
		peer, tag, number, call = "peer"+own["call"], "d", "[caller]9", own["call"]+"///[call_id]"
		branch += "-" + own["call"]
	}
	contact := s.contact()
	if own["contact"] != "" {
		contact = own["contact"]
	}
	if own["branch"] != "" {
		branch = own["branch"]
	}
	target, from, to := "[next_url]", `"SIPp" <sip:`+number+"@[local_ip]>;tag="+tag+"[pid][call_number]", "<sip:[service]@[remote_ip]:[remote_port]>"
	if first {
		target = "sip:[service]@[remote_ip]:[remote_port]"
	}
	if refused := method == "ACK" && !strings.HasPrefix(branch, "ack"); refused {
		to += "[peer_tag_param]"
	} else if !first {
		to = "[$" + peer + "]"
	}
	if s.called && own["call"] == "" {
		from, to = "[$ours];tag=u[pid][call_number]", "[$theirs]"
	}
	return "      " + method + " " + target + " SIP/2.0\n" +
		"      Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=z9hG4bK-" + branch + "-[pid]-[call_number]\n" +
		"      From: " + from + "\n      To: " + to + "\n      Call-ID: " + call + "\n      CSeq: " + seq + " " + method + "\n" +
		"      Contact: " + contact + "\n      Max-Forwards: 70\n" +
		"      Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, REFER, NOTIFY" + s.updates() + "\n" + rest(kept)
}

// updates lets a telephone say that it takes UPDATE.
func (s *script) updates() string {
	if s.values["update"] == "no" {
		return ""
	}
	return ", UPDATE"
}

func (s *script) send(what string, parts ...any) string {
	attributes := ` retrans="500"`
	if strings.HasPrefix(what, "ACK") {
		attributes = ""
	}
	return message(attributes, s.request(what, parts))
}

// repeatless sends a request once.
func (s *script) repeatless(what string, parts ...any) string {
	return message("", s.request(what, parts))
}

func (s *script) response(status, head, contact string, parts []any) string {
	return "      SIP/2.0 " + status + "\n" + head + "      [last_Call-ID:]\n      Contact: " + contact +
		"\n      Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, REFER, NOTIFY" + s.updates() + "\n" + rest(parts)
}

// contact is where the telephone is: one that is called, behind its front.
func (s *script) contact() string {
	if s.called {
		return fmt.Sprintf("<sip:[caller]@[local_ip]:%d>", frontPort)
	}
	return "<sip:[caller]@[local_ip]:[local_port]>"
}

// reply answers a request within the dialog, or one that makes none.
func (s *script) reply(status string, parts ...any) string {
	head := "      [last_Via:]\n      [last_From:]\n      [last_To:]\n      [last_CSeq:]\n"
	return message("", s.response(status, head, s.contact(), parts))
}

// answer responds to the INVITE that makes the dialog, whatever came since. A
// part "tag=x" is another telephone behind the same provider, "contact=x" says
// where it is.
func (s *script) answer(status string, parts ...any) string {
	kept, own := options(parts, "tag", "contact")
	tag, contact := "u[pid][call_number]", s.contact()
	if own["tag"] != "" {
		tag = own["tag"]
	}
	if own["contact"] != "" {
		contact = own["contact"]
	}
	head := "      Via: [$via]\n      From: [$theirs]\n      To: [$ours];tag=" + tag + "\n      CSeq: [$cseq]\n"
	return message("", s.response(status, head, contact, kept))
}

// options takes the parts of these names, "name=value", out of the others.
func options(parts []any, names ...string) (kept []any, own map[string]string) {
	own = make(map[string]string)
	for _, p := range parts {
		text, _ := p.(string)
		if name, value, ok := strings.Cut(text, "="); ok && slices.Contains(names, name) {
			own[name] = value
			continue
		}
		kept = append(kept, p)
	}
	return kept, own
}

// recv waits for a response (a number) or a request (a method). With "?" it may
// be missing. Checks are "Header: pattern", "body pattern" and "message pattern";
// with "no " in front the pattern must not be there. "as peer2" keeps who the peer
// of another call is, and its tag.
func (s *script) recv(what string, checks ...string) string {
	optional := ""
	if strings.HasSuffix(what, "?") {
		what, optional = strings.TrimSuffix(what, "?"), ` optional="true"`
	}
	kind, routes := "request", ""
	if what[0] >= '1' && what[0] <= '6' {
		kind = "response"
	}
	known := slices.Contains(s.kept, "peer")
	if what == "200" || what == "INVITE" || what[0] == '1' && what != "100" && optional == "" && !known {
		routes = ` rrs="true"`
	}
	var actions strings.Builder
	if what == "INVITE" && s.called {
		// Kept for answers that come after other requests.
		for header, variable := range map[string]string{"To:": "ours", "From:": "theirs", "Via:": "via", "CSeq:": "cseq"} {
			fmt.Fprintf(&actions, "    <ereg regexp=\".*\" search_in=\"hdr\" header=\"%s\" assign_to=\"%s\"/>\n", header, variable)
			s.kept = append(s.kept, variable)
		}
	}
	if routes != "" && what != "INVITE" && !s.called && !known {
		checks = append(checks, "as peer")
	}
	for _, check := range checks {
		if name, ok := strings.CutPrefix(check, "as "); ok {
			s.kept = append(s.kept, name, name+"Tag", "seen")
			fmt.Fprintf(&actions, "    <ereg regexp=\".*\" search_in=\"hdr\" header=\"To:\" assign_to=\"%s\"/>\n", name)
			fmt.Fprintf(&actions, "    <ereg regexp=\"tag=([^;]+)\" search_in=\"hdr\" header=\"To:\" assign_to=\"seen,%sTag\"/>\n", name)
			continue
		}
		verdict := `check_it="true"`
		if rest, ok := strings.CutPrefix(check, "no "); ok {
			check, verdict = rest, `check_it_inverse="true"`
		}
		pattern := strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;")
		s.kept = append(s.kept, "seen")
		if text, ok := strings.CutPrefix(check, "body "); ok {
			fmt.Fprintf(&actions, "    <ereg regexp=\"%s\" search_in=\"body\" %s assign_to=\"seen\"/>\n", pattern.Replace(text), verdict)
			continue
		}
		if text, ok := strings.CutPrefix(check, "message "); ok {
			fmt.Fprintf(&actions, "    <ereg regexp=\"%s\" search_in=\"msg\" %s assign_to=\"seen\"/>\n", pattern.Replace(text), verdict)
			continue
		}
		header, text, _ := strings.Cut(check, ": ")
		fmt.Fprintf(&actions, "    <ereg regexp=\"%s\" search_in=\"hdr\" header=\"%s:\" %s assign_to=\"seen\"/>\n", pattern.Replace(text), header, verdict)
	}
	open := fmt.Sprintf("<recv %s=\"%s\"%s%s", kind, what, optional, routes)
	if actions.Len() == 0 {
		return open + "/>"
	}
	return open + ">\n  <action>\n" + actions.String() + "  </action></recv>"
}

func pause(milliseconds int) string { return fmt.Sprintf("<pause milliseconds=\"%d\"/>", milliseconds) }

// ack acknowledges the 200 to the INVITE of this number.
func (s *script) ack(seq int, parts ...any) string {
	return s.send(fmt.Sprintf("ACK %d", seq), append(parts, fmt.Sprintf("branch=ack%d", seq))...)
}

// bye hangs up.
func (s *script) bye(seq int, parts ...any) string {
	return s.send(fmt.Sprintf("BYE %d", seq), parts...) + "\n  " + s.recv("200")
}

// refused takes what refuses the INVITE of this number, and acknowledges it.
func (s *script) refused(seq int, checks ...string) string {
	return s.recv("100?") + "\n  " + s.recv(checks[0], checks[1:]...) + "\n  " + s.send(fmt.Sprintf("ACK %d", seq), fmt.Sprintf("branch=INVITE%d", seq))
}

// byeComes is hung up on.
func (s *script) byeComes(checks ...string) string {
	return s.recv("BYE", checks...) + "\n  " + s.reply("200 OK")
}

// invite calls, waits for the 200 and acknowledges it.
func (s *script) invite(parts ...any) string {
	return strings.Join([]string{s.send("INVITE 1", parts...), s.ringing(), s.recv("200"), s.ack(1)}, "\n  ")
}

// ringing takes what may come before the answer.
func (s *script) ringing() string {
	return s.recv("100?") + "\n  " + s.recv("180?") + "\n  " + s.recv("183?")
}
