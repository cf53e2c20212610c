package archive

import (
	"errors"
	"fmt"
	"strings"

	"github.com/carillon-cc/carillon/ccs"
)

// Problems are all that is wrong with a configuration to import. Each begins
// with the field that has it.
type Problems struct {
	list []string
	seen map[string]bool
}

// List is a problem a line, such as
// "queues[0].members[1].agent: unknownObject id=bob kind=agent".
func (p *Problems) List() []string { return p.list }

// Error joins them.
func (p *Problems) Error() string {
	return fmt.Sprintf("the configuration is bad, and nothing was changed; problems: %d\n  %s", len(p.list), strings.Join(p.list, "\n  "))
}

// result keeps an empty list from becoming an error.
func (p *Problems) result() error {
	if len(p.list) == 0 {
		return nil
	}
	return p
}

// add notes a problem, once.
func (p *Problems) add(field, format string, args ...any) {
	text := field + ": " + fmt.Sprintf(format, args...)
	if p.seen[text] {
		return
	}
	if p.seen == nil {
		p.seen = make(map[string]bool)
	}
	p.seen[text] = true
	p.list = append(p.list, text)
}

// fields notes what a Check returned of the object at a place.
func (p *Problems) fields(at string, err error) {
	var list ccs.FieldErrors
	if errors.As(err, &list) {
		for _, e := range list {
			p.fault(at, e)
		}
		return
	}
	if err != nil {
		p.add(at, "%s", err)
	}
}

func (p *Problems) fault(at string, e ccs.FieldError) {
	field, text, _ := strings.Cut(e.Error(), ": ")
	p.add(at+"."+field, "%s", text)
}
