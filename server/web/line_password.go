package web

import (
	"crypto/rand"
	"math/big"
	"strings"
	"unicode/utf8"

	"github.com/carillon-cc/carillon/ccs"
)

// Lengths of the passwords of lines, in characters.
const (
	minLinePassword = 10
	maxLinePassword = 64
)

// legible are letters and digits that nobody takes for one another when they
// are typed on a telephone.
const legible = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"

// newLinePassword makes a password of 116 bits: a line that is open to the
// Internet is guessed at day and night.
func newLinePassword() string {
	text := make([]byte, 20)
	for i := range text {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(legible))))
		if err != nil {
			panic(err) // which crypto/rand never returns
		}
		text[i] = legible[n.Int64()]
	}
	return string(text)
}

// weakness says why a password of a line is not taken, "" where it is.
func weakness(password, number, name string) ccs.Code {
	lower := strings.ToLower(password)
	different := map[rune]bool{}
	digits := true
	for _, r := range password {
		different[r] = true
		digits = digits && r >= '0' && r <= '9'
		if r <= ' ' || r > '~' {
			return "characters" // telephones spell others in many ways
		}
	}
	switch n := utf8.RuneCountInString(password); {
	case n < minLinePassword || n > maxLinePassword:
		return "length"
	case digits:
		return "digitsOnly"
	case len(different) < 6:
		return "repeated"
	case len(number) > 2 && strings.Contains(lower, strings.ToLower(number)),
		len(name) > 3 && strings.Contains(lower, strings.ToLower(name)), strings.Contains(lower, "password"):
		return "guessable"
	}
	return ""
}
