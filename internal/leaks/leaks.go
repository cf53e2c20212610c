// Package leaks finds goroutines that tests leave behind.
package leaks

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long goroutines that are ending may take: a busy machine does
// not run them at once.
const patience = 20 * time.Second

// Verify runs the tests of a package, for its TestMain, and fails where goroutines
// are left. It does not return.
func Verify(m *testing.M) { goleak.VerifyTestMain(patient{m}) }

type patient struct{ *testing.M }

// Run runs the tests and waits until nothing of them is left.
func (p patient) Run() int {
	code := p.M.Run()
	for limit := time.Now().Add(patience); code == 0 && goleak.Find() != nil && time.Now().Before(limit); {
	}
	return code
}
