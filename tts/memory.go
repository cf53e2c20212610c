package tts

import (
	"container/list"

	"github.com/carillon-cc/carillon/media"
)

// memory keeps the prompts used last, up to so many bytes. A prompt that is
// dropped goes on in the calls that play it.
type memory struct {
	most, used int64
	order      *list.List // most recently used first
	entries    map[string]*list.Element
}

type entry struct {
	key    string
	prompt *media.Prompt
	size   int64
}

func newMemory(most int64) *memory {
	return &memory{most: most, order: list.New(), entries: make(map[string]*list.Element)}
}

func (m *memory) get(key string) *media.Prompt {
	element := m.entries[key]
	if element == nil {
		return nil
	}
	m.order.MoveToFront(element)
	return element.Value.(*entry).prompt
}

// put adds a prompt. The newest stays, however large it is.
func (m *memory) put(key string, p *media.Prompt) {
	if m.entries[key] != nil {
		return
	}
	e := &entry{key, p, 2 * int64(len(p.ALaw()))} // in both laws
	m.entries[key] = m.order.PushFront(e)
	m.used += e.size
	for m.used > m.most && m.order.Len() > 1 {
		oldest := m.order.Remove(m.order.Back()).(*entry)
		delete(m.entries, oldest.key)
		m.used -= oldest.size
	}
}
