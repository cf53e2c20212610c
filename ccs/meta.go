// Package ccs is the vocabulary of a contact center as plain data: what an
// administrator sets up and what a call leaves behind. It has no behaviour but
// validation and imports nothing of Carillon.
package ccs

import "time"

// Meta is what every stored object has. ID is a ULID and never changes;
// Revision counts the object's changes and guards against lost updates.
type Meta struct {
	ID       string    `json:"id"`
	Revision int64     `json:"revision"`
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`
}

// GetMeta gives the store access to the common fields of any object.
func (m *Meta) GetMeta() *Meta { return m }

// Millis is a span of time in milliseconds, the unit of every stored duration.
type Millis int64

// Duration converts m for use with the clock.
func (m Millis) Duration() time.Duration { return time.Duration(m) * time.Millisecond }

// MillisOf converts d, dropping what is below a millisecond.
func MillisOf(d time.Duration) Millis { return Millis(d.Milliseconds()) }

// Or is m, or def where m is zero: how an unset option takes its default.
func (m Millis) Or(def time.Duration) time.Duration {
	if m == 0 {
		return def
	}
	return m.Duration()
}
