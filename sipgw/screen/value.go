package screen

import "bytes"

// unquoted calls f for each character of a value that is not within a quotation,
// the quotation marks included, until f returns false. It tells whether every
// quotation that was met ends.
func unquoted(value []byte, f func(i int) (more bool)) bool {
	quoted := false
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case quoted && c == '\\':
			i++
			continue
		case c == '"':
			quoted = !quoted
		case quoted:
			continue
		}
		if !f(i) {
			break
		}
	}
	return !quoted
}

// balanced tells whether every quotation in a value ends.
func balanced(value []byte) bool {
	return unquoted(value, func(int) bool { return true })
}

// address tells whether a From or To is readable: what stands in its brackets
// has no white space about it.
func address(value []byte) bool {
	at := outside(value, '<')
	if at < 0 {
		return true
	}
	inside, _, ok := bytes.Cut(value[at+1:], []byte(">"))
	return ok && len(inside) > 0 && bytes.IndexByte(inside, ' ') < 0
}

// outside is where c first stands outside of quotations; -1 for nowhere.
func outside(value []byte, c byte) int {
	at := -1
	unquoted(value, func(i int) bool {
		if value[i] == c {
			at = i
		}
		return at < 0
	})
	return at
}

// strayed tells whether a list has separators with nothing between them, or a
// value that ends in one.
func strayed(value []byte) bool {
	bracket, empty, stray := false, true, false
	unquoted(value, func(i int) bool {
		switch value[i] {
		case ' ', '\t', '\r', '\n':
		case '<':
			bracket, empty = true, false
		case '>':
			bracket, empty = false, false
		case ',', ';':
			stray = !bracket && empty
			empty = !bracket
		default:
			empty = false
		}
		return !stray
	})
	return stray || empty
}
