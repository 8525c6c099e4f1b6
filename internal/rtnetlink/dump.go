package rtnetlink

import "golang.org/x/sys/unix"

// attempts is how often a dump is read that is interrupted each time.
const attempts = 3

// dump asks for all objects of one type and returns what parse makes of the
// bodies of the messages of type answer, or the first so many of that.
//
// A dump takes several system calls. If something changes between two of them,
// the kernel marks what follows (NLM_F_DUMP_INTR): an object may be missing or
// be there twice. The dump is then read again. After some attempts the last one
// has to do: on a host that starts containers all the time none may ever be
// clean, a list with one questionable entry is better than no list, and whoever
// holds a Watch reads again anyway, because what interrupts also wakes it.
func dump[T any](kind, answer uint16, body []byte, most int, parse func(body []byte) []T) ([]T, error) {
	for attempt := 1; ; attempt++ {
		var all []T
		interrupted := false
		err := exchange(request(kind, unix.NLM_F_DUMP, body), func(m message) (more bool) {
			interrupted = interrupted || m.Flags&unix.NLM_F_DUMP_INTR != 0
			if m.Type == answer {
				all = append(all, parse(m.body)...)
			}
			return len(all) < most
		})
		if err != nil {
			return nil, err
		}
		if !interrupted || attempt == attempts {
			return all[:min(len(all), most)], nil
		}
	}
}
