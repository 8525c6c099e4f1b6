package broadcast

import (
	"fmt"
	"slices"

	"wolgate/internal/rtnetlink"
)

// Unknown returns a warning for every name in c that no interface has at this moment. A
// glob gets none, because it is for what may come, nor does a name that is excluded by
// default. Where the kernel does not list its interfaces there are no warnings.
func Unknown(c Config) (warnings []string) {
	links, err := rtnetlink.Links()
	if err != nil {
		return nil
	}
	exists := map[string]bool{}
	for _, l := range links {
		for _, name := range l.Names() {
			exists[name] = true
		}
	}
	check := func(setting, name string) {
		if !exists[name] {
			warnings = append(warnings, fmt.Sprintf("%s names the interface %q, which this host does not have: correct the name, unless the interface is still to come", setting, name))
		}
	}
	for _, name := range c.Selection.Only.literal() {
		check("--interfaces (WOL_INTERFACES)", name)
	}
	byDefault, _ := ParseNames(DefaultExcept) // which is ours, and not broken
	for _, name := range c.Selection.Except.literal() {
		if !slices.Contains(byDefault, name) {
			check("--exclude-interfaces (WOL_EXCLUDE_INTERFACES)", name)
		}
	}
	for _, to := range c.Destinations {
		if _, ok := rtnetlink.Zone(links, to.Addr().Zone()); !ok {
			check("--destinations (WOL_DESTINATIONS)", to.Addr().Zone())
		}
	}
	return warnings
}
