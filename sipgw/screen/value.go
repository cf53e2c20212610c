package screen

import "bytes"

// balanced tells whether every quotation in a value ends.
func balanced(value []byte) bool {
	quoted := false
	for i := 0; i < len(value); i++ {
		switch {
		case quoted && value[i] == '\\':
			i++
		case value[i] == '"':
			quoted = !quoted
		}
	}
	return !quoted
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
	quoted := false
	for i := 0; i < len(value); i++ {
		switch {
		case quoted && value[i] == '\\':
			i++
		case value[i] == '"':
			quoted = !quoted
		case !quoted && value[i] == c:
			return i
		}
	}
	return -1
}

// strayed tells whether a list has separators with nothing between them, or a
// value that ends in one.
func strayed(value []byte) bool {
	quoted, bracket, empty := false, false, true
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case quoted && c == '\\':
			i++
			continue
		case c == '"':
			quoted = !quoted
			empty = false
			continue
		case quoted:
			continue
		case c == '<':
			bracket = true
		case c == '>':
			bracket = false
		}
		switch {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
		case !bracket && (c == ',' || c == ';'):
			if empty {
				return true
			}
			empty = true
		default:
			empty = false
		}
	}
	return empty
}
