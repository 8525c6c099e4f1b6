package rtnetlink

import "golang.org/x/sys/unix"

// attempts is how often a dump is read if each is interrupted.
const attempts = 3

// dump asks for all objects of one type and returns what parse makes of the bodies of
// the messages of type answer, but at most most of that.
//
// A dump takes several system calls. If something changes between two of them, the
// kernel marks what follows (NLM_F_DUMP_INTR): an object may be missing or appear
// twice. The dump is then read again, and the last attempt is kept as it is. On a host
// that starts containers all the time none may ever be clean, and one questionable entry
// is better than no list. What interrupts also wakes a Watch, so its owner reads again.
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
