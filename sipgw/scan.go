package sipgw

import "bytes"

// glance is what a message tells before it is parsed: enough to drop those of
// strangers at no cost.
type glance struct {
	method   []byte // of a request
	user     []byte // of From, as it is written
	response bool
	toTag    bool
	whole    bool // the headers were read to their end, or are none of SIP
}

// scan reads a message's first line and the headers that tell who sends it. It
// allocates nothing, and what it returns are parts of b. ok is false where the
// message is not SIP, or From is not in what was read so far.
func scan(b []byte) (g glance, ok bool) {
	first, rest, found := line(b)
	switch {
	case !found:
		return glance{}, false
	case bytes.HasPrefix(first, []byte("SIP/2.0 ")):
		g.response = true
	case bytes.HasSuffix(first, []byte(" SIP/2.0")):
		g.method, _, _ = bytes.Cut(first, []byte(" "))
		if len(g.method) == 0 || len(g.method) > 16 {
			return glance{whole: true}, false
		}
	default:
		return glance{whole: true}, false
	}
	from := false
	for {
		var header []byte
		if header, rest, found = line(rest); !found {
			break
		}
		if len(header) == 0 {
			g.whole = true
			break
		}
		name, value, colon := bytes.Cut(header, []byte(":"))
		if !colon {
			continue
		}
		switch name = bytes.TrimSpace(name); {
		case is(name, "From") || is(name, "f"):
			if !from {
				g.user, from = uriUser(value), true
			}
		case is(name, "To") || is(name, "t"):
			g.toTag = g.toTag || hasTag(value)
		}
	}
	return g, from
}

// line cuts a line off, without its end.
func line(b []byte) (head, rest []byte, found bool) {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		return nil, b, false
	}
	return bytes.TrimSuffix(b[:end], []byte("\r")), b[end+1:], true
}

// is compares a header's name.
func is(name []byte, want string) bool {
	if len(name) != len(want) {
		return false
	}
	for i, c := range name {
		if lower(c) != lower(want[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// uriUser is the user part of the SIP URI in a From value, nil without one.
func uriUser(value []byte) []byte {
	value = address(value)
	colon := bytes.IndexByte(value, ':')
	if colon < 0 || !is(value[:colon], "sip") && !is(value[:colon], "sips") {
		return nil
	}
	user, _, found := bytes.Cut(value[colon+1:], []byte("@"))
	if !found {
		return nil
	}
	if end := bytes.IndexAny(user, ":;"); end >= 0 {
		user = user[:end]
	}
	return user
}

// address is what stands between the angle brackets, or all without any.
func address(value []byte) []byte {
	quoted := false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == '<' && !quoted:
			inner, _, _ := bytes.Cut(value[i+1:], []byte(">"))
			return inner
		}
	}
	return bytes.TrimSpace(value)
}

// hasTag tells whether a To value has a tag.
func hasTag(value []byte) bool {
	if end := bytes.LastIndexByte(value, '>'); end >= 0 {
		value = value[end:]
	}
	for {
		_, after, found := bytes.Cut(value, []byte(";"))
		if !found {
			return false
		}
		name, _, _ := bytes.Cut(after, []byte("="))
		if is(bytes.TrimSpace(name), "tag") {
			return true
		}
		value = after
	}
}
