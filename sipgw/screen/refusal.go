package screen

import (
	"bytes"
	"strconv"
)

// phrases go with the statuses that Check returns.
var phrases = map[int]string{
	badRequest:        "Bad Request",
	unsupportedScheme: "Unsupported URI Scheme",
	unsupportedSIP:    "Version Not Supported",
}

// Refusal makes the response to a request that Check refused, without a
// transaction (RFC 3261 §8.2.7): it repeats the headers that lead back to the
// sender as they are. tag goes to the end of a To that has none.
func Refusal(request []byte, status int, tag string) []byte {
	var b bytes.Buffer
	b.WriteString("SIP/2.0 " + strconv.Itoa(status) + " " + phrases[status] + "\r\n")
	_, next := cutStart(request)
	for next < len(request) {
		var header []byte
		if header, next = cutHeader(request, next); len(header) == 0 {
			break
		}
		name, value, ok := bytes.Cut(header, []byte(":"))
		if !ok {
			continue
		}
		switch fieldOf(bytes.TrimRight(name, " \t")) {
		case via, from, callID, cseq:
			b.Write(header)
		case to:
			b.Write(header)
			if !bytes.Contains(bytes.ToLower(value), []byte("tag")) {
				b.WriteString(";tag=" + tag)
			}
		default:
			continue
		}
		b.WriteString("\r\n")
	}
	b.WriteString("Content-Length: 0\r\n\r\n")
	return b.Bytes()
}
