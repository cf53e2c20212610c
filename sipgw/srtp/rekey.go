package srtp

import "github.com/carillon-cc/carillon/media"

// Keys are those of both directions of a call, zero for packets as they are.
type Keys struct{ Send, Receive Key }

// Rekey has a port go over from former keys to others. A direction whose key
// stays goes on counting where it is. With an error nothing has changed.
func Rekey(port *media.Port, former, next Keys) error {
	var (
		seal media.Sealer
		open media.Opener
	)
	if next.Send.Suite() != NoSuite && next.Send != former.Send {
		s, err := NewSealer(next.Send)
		if err != nil {
			return err
		}
		seal = s
	}
	if next.Receive.Suite() != NoSuite && next.Receive != former.Receive {
		o, err := NewOpener(next.Receive)
		if err != nil {
			return err
		}
		open = o
	}
	if next.Send != former.Send {
		port.SetSealer(seal)
	}
	if next.Receive != former.Receive {
		port.SetOpener(open)
	}
	return nil
}
