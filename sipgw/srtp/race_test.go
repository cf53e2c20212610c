//go:build race

package srtp

// The race detector has sync.Pool forget some of what it is given.
func init() { pooled = false }
