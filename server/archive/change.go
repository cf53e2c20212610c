package archive

import (
	"fmt"
	"io"
)

// ChangeKind says what an import does to an object.
type ChangeKind string

// What an import does. It never deletes.
const (
	Create    ChangeKind = "create"
	Replace   ChangeKind = "replace"
	Unchanged ChangeKind = "unchanged"
)

// Change is what an import does to one object.
type Change struct {
	Section string // such as "queues"
	ID      string
	Title   string // what people call it
	Kind    ChangeKind
	Lines   []string // of Replace: a line for each value that differs
}

// Describe prints what an import does, and in what each object differs.
func Describe(w io.Writer, changes []Change) error {
	count := make(map[ChangeKind]int)
	for _, c := range changes {
		count[c.Kind]++
		if c.Kind == Unchanged {
			continue
		}
		line := fmt.Sprintf("%-8s %s %s", c.Kind, c.Section, c.ID)
		if c.Title != "" {
			line += " (" + c.Title + ")"
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
		for _, l := range c.Lines {
			if _, err := fmt.Fprintf(w, "           %s\n", l); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintf(w, "%d to create, %d to replace, %d unchanged\n", count[Create], count[Replace], count[Unchanged])
	return err
}
