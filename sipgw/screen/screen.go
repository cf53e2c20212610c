// Package screen looks at SIP messages before they are parsed: it refuses what
// RFC 3261 says is malformed, which a tolerant parser would drop without a word
// or take for something else.
package screen

import (
	"bytes"
	"strconv"
)

// Pass and Silent are outcomes of Check; all others are SIP statuses.
const (
	Pass   = 0  // the message may be parsed
	Silent = -1 // the message is no request that could be answered
)

// The statuses that Check asks for.
const (
	badRequest        = 400
	unsupportedScheme = 416
	unsupportedSIP    = 505
)

// maxSequence is the first number that a CSeq may not have (RFC 3261 §8.1.1.5).
const maxSequence = 1 << 31

// field is what is checked of one header.
type field uint8

const (
	other field = iota
	via
	from
	to
	callID
	cseq
	maxForwards
	contentLength
	contentType
	contact
	fields
)

// names are the fields in their long and compact form (RFC 3261 §7.3.3).
var names = [...]struct {
	long    string
	compact byte
	field   field
}{
	{"via", 'v', via},
	{"from", 'f', from},
	{"to", 't', to},
	{"call-id", 'i', callID},
	{"cseq", 0, cseq},
	{"max-forwards", 0, maxForwards},
	{"content-length", 'l', contentLength},
	{"content-type", 'c', contentType},
	{"contact", 'm', contact},
}

// message is a SIP message cut into its parts.
type message struct {
	method, uri, version []byte // of a request
	response             bool
	seen                 [fields]int
	wrong                bool
	bodyAt               int // where the body begins, -1 without an end of the headers
	length               int // of the body as announced, -1 where it is not
}

// Check says what to do with a whole message: Pass, Silent, or the status to
// refuse it with. It keeps nothing of b.
func Check(b []byte) int {
	m, status := read(b)
	return m.verdict(status, len(b))
}

// verdict is what Check says of a message of size bytes, given what read said.
func (m *message) verdict(status, size int) int {
	if status == Pass {
		status = m.check(size)
	}
	if status > 0 && string(m.method) == "ACK" {
		return Silent // nothing answers an ACK
	}
	return status
}

// check judges a message of size bytes as a whole.
func (m *message) check(size int) int {
	switch {
	case m.response && (m.wrong || !m.complete()):
		return Silent
	case m.response:
		return Pass
	case m.wrong, !m.complete():
		return badRequest
	}
	// Of a datagram the body is the rest, which may not be shorter than said
	// (RFC 3261 §18.3).
	if m.length > size-m.bodyAt {
		return badRequest
	}
	return checkURI(m.uri)
}

// read cuts a message into its parts and checks each.
func read(b []byte) (message, int) {
	m := message{bodyAt: -1, length: -1}
	line, next := cutStart(b)
	if status := m.startLine(line); status != Pass {
		return m, status
	}
	for next < len(b) {
		var header []byte
		if header, next = cutHeader(b, next); len(header) == 0 {
			m.bodyAt = next
			break
		}
		m.header(header)
	}
	return m, Pass
}

// cutStart returns the first line, without its end, and where the headers begin.
// A stream may have line ends between its messages (RFC 3261 §7.5).
func cutStart(b []byte) (line []byte, next int) {
	return cutLine(b, len(b)-len(bytes.TrimLeft(b, "\r\n")))
}

// cutHeader returns the header that begins at from, with the lines that continue
// it and without its end, and where the next one begins. It is empty at the end
// of the headers.
func cutHeader(b []byte, from int) (header []byte, next int) {
	line, next := cutLine(b, from)
	if len(line) == 0 {
		return nil, next
	}
	for next < len(b) && (b[next] == ' ' || b[next] == '\t') {
		_, next = cutLine(b, next)
	}
	return bytes.TrimRight(b[from:next], "\r\n"), next
}

// cutLine returns the line that begins at from, without its end, and where the
// next one begins.
func cutLine(b []byte, from int) (line []byte, next int) {
	end := bytes.IndexByte(b[from:], '\n')
	if end < 0 {
		return b[from:], len(b)
	}
	return bytes.TrimSuffix(b[from:from+end], []byte{'\r'}), from + end + 1
}

// startLine reads the first line (RFC 3261 §7.1, §7.2).
func (m *message) startLine(line []byte) int {
	if rest, ok := bytes.CutPrefix(line, []byte("SIP/")); ok {
		m.response = true
		_, rest, ok = bytes.Cut(rest, []byte(" "))
		code, _, _ := bytes.Cut(rest, []byte(" "))
		if n, ok2 := number(code, 700); !ok || !ok2 || len(code) != 3 || n < 100 {
			return Silent
		}
		return Pass
	}
	method, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok || !token(method) {
		return Silent
	}
	m.method = method
	// What stands in the URI, spaces too, is before the version.
	at := bytes.LastIndex(rest, []byte(" SIP/"))
	if at < 0 {
		return Silent
	}
	m.uri, m.version = rest[:at], rest[at+1:]
	version, tail, _ := bytes.Cut(m.version, []byte(" "))
	switch {
	case string(version) != "SIP/2.0":
		return unsupportedSIP
	case len(tail) > 0 || len(version) != len(m.version):
		m.wrong = true
	}
	return Pass
}

// header reads one header, with the lines that continue it.
func (m *message) header(h []byte) {
	name, value, ok := bytes.Cut(h, []byte(":"))
	if !ok {
		m.wrong = true
		return
	}
	f := fieldOf(bytes.TrimRight(name, " \t"))
	m.seen[f]++
	switch f {
	case cseq:
		m.cseq(value)
	case contentLength:
		n, ok := number(trim(value), 1<<31)
		m.length = n
		m.wrong = m.wrong || !ok
	case maxForwards:
		_, ok := number(trim(value), 1<<31)
		m.wrong = m.wrong || !ok
	case from, to:
		m.wrong = m.wrong || !balanced(value) || !address(value)
	case via, contact:
		m.wrong = m.wrong || !balanced(value) || strayed(value)
	}
}

// cseq checks the number and that the method is the request's (RFC 3261
// §8.1.1.5, §20.16).
func (m *message) cseq(value []byte) {
	parts := bytes.Fields(value)
	if len(parts) != 2 {
		m.wrong = true
		return
	}
	_, ok := number(parts[0], maxSequence)
	if !ok || !m.response && !bytes.Equal(parts[1], m.method) {
		m.wrong = true
	}
}

// complete tells whether the headers that every message has are there, and
// those that may be there once are not there twice.
func (m *message) complete() bool {
	for f := from; f <= contentType; f++ {
		if m.seen[f] > 1 {
			return false
		}
	}
	return m.bodyAt >= 0 && m.seen[via] > 0 && m.seen[from] == 1 && m.seen[to] == 1 && m.seen[callID] == 1 && m.seen[cseq] == 1
}

// checkURI checks a Request-URI.
func checkURI(uri []byte) int {
	if len(uri) == 0 || bytes.ContainsAny(uri, " \t<>\"") {
		return badRequest
	}
	scheme, rest, ok := bytes.Cut(uri, []byte(":"))
	switch {
	case !ok:
		return badRequest
	case bytes.EqualFold(scheme, []byte("tel")):
		return Pass
	case !bytes.EqualFold(scheme, []byte("sip")) && !bytes.EqualFold(scheme, []byte("sips")):
		return unsupportedScheme
	}
	// Headers may not stand in a Request-URI (RFC 3261 §19.1.1); a question mark
	// before the @ belongs to the user.
	if _, host, found := bytes.Cut(rest, []byte("@")); found {
		rest = host
	}
	if bytes.IndexByte(rest, '?') >= 0 {
		return badRequest
	}
	return Pass
}

func fieldOf(name []byte) field {
	for i := range names {
		n := &names[i]
		if len(name) == 1 && n.compact != 0 && name[0]|0x20 == n.compact || len(name) == len(n.long) && bytes.EqualFold(name, []byte(n.long)) {
			return n.field
		}
	}
	return other
}

// number reads digits that make a number below limit.
func number(b []byte, limit int) (int, bool) {
	if len(b) == 0 || len(b) > 12 {
		return -1, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1, false
		}
	}
	n, err := strconv.Atoi(string(b))
	if err != nil || n >= limit {
		return -1, false
	}
	return n, true
}

// trim cuts off white space, line ends within a folded value too.
func trim(b []byte) []byte { return bytes.Trim(b, " \t\r\n") }

// token tells whether b is a token of RFC 3261 §25.1.
func token(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c >= 0x7f || bytes.IndexByte([]byte(`()<>@,;:\"/[]?={}`), c) >= 0 {
			return false
		}
	}
	return len(b) > 0
}
