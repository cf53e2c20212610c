package trunk

import (
	"testing"

	"github.com/carillon-cc/carillon/internal/leaks"
)

func TestMain(m *testing.M) { leaks.Verify(m) }
