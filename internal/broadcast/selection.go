package broadcast

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"wolgate/internal/rtnetlink"
	"wolgate/internal/wol"
)

// DefaultExcept leaves out what container engines, hypervisors and VPNs make.
const DefaultExcept = rtnetlink.NotLANs

// Names is a list of interface names and globs in the syntax of path.Match.
type Names []string

// ParseNames reads a comma list. It refuses empty entries and broken globs, and
// keeps an entry that is listed twice once.
func ParseNames(list string) (Names, error) {
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	var names Names
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			return nil, fmt.Errorf("empty name in the list: write names or globs with single commas between them, such as eth0,en*")
		}
		if _, err := path.Match(name, ""); err != nil {
			return nil, fmt.Errorf("%q is not a name or a glob: write it such as eth0 or en*", name)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// match reports whether an entry matches one of an interface's names.
func (n Names) match(names []string) bool {
	return slices.ContainsFunc(n, func(pattern string) bool {
		return slices.ContainsFunc(names, func(name string) bool {
			ok, _ := path.Match(pattern, name) // ParseNames has seen every pattern
			return ok
		})
	})
}

// literal returns the entries that are plain names.
func (n Names) literal() []string {
	var literal []string
	for _, name := range n {
		if !strings.ContainsAny(name, `*?[\`) {
			literal = append(literal, name)
		}
	}
	return literal
}

// Selection is which interfaces the operator wants packets on.
type Selection struct {
	Only   Names // empty means every one that Except leaves
	Except Names // does not apply where Only names an interface
}

// refuses returns why an interface with these names is not wanted, or "".
func (s Selection) refuses(names []string) wol.Why {
	switch {
	case len(s.Only) > 0 && !s.Only.match(names):
		return wol.NotNamed
	case len(s.Only) == 0 && s.Except.match(names):
		return wol.Excluded
	default:
		return ""
	}
}
