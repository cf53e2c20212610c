package archive

import "github.com/carillon-cc/carillon/ccs"

// keepSecrets leaves the passwords of lines and trunks that are in the store and
// not in the file, and notes who has none.
func (m *Import) keepSecrets() {
	lines := &m.sections.lines
	lines.all(func(_ int, l *ccs.Line) {
		// The hashes hold the number: those of another one are worth nothing.
		if old := lines.stored[l.ID]; old != nil && old.Number == l.Number && l.Secrets == (ccs.LineSecrets{}) {
			l.Secrets = old.Secrets
		}
		if l.Secrets == (ccs.LineSecrets{}) {
			m.WithoutSecret = append(m.WithoutSecret, "line "+l.Number)
		}
	})
	trunks := &m.sections.trunks
	trunks.all(func(_ int, t *ccs.Trunk) {
		// A password belongs to an account.
		if old := trunks.stored[t.ID]; old != nil && old.Username == t.Username && t.Password == "" {
			t.Password = old.Password
		}
		if t.Username != "" && t.Password == "" {
			m.WithoutSecret = append(m.WithoutSecret, "trunk "+t.Name)
		}
	})
}
