package engine

import (
	"fmt"
	"regexp"
	"strings"
)

// job is what this test knows of one in .gitlab-ci.yml. What it does not know it refuses,
// so that nothing in the file is believed without being looked at.
type job struct {
	Extends       string            `yaml:"extends"`
	Stage         string            `yaml:"stage"`
	Image         string            `yaml:"image"`
	Services      []string          `yaml:"services"`
	Variables     map[string]string `yaml:"variables"`
	BeforeScript  []string          `yaml:"before_script"`
	Script        []string          `yaml:"script"`
	Rules         []rule            `yaml:"rules"`
	Tags          []string          `yaml:"tags"`
	ResourceGroup string            `yaml:"resource_group"`
	Environment   string            `yaml:"environment"`
	Cache         any               `yaml:"cache"`
	Artifacts     any               `yaml:"artifacts"`
}

// rule is one of a job or of the workflow (docs.gitlab.com/ci/yaml/#rules).
type rule struct {
	If   string `yaml:"if"`
	When string `yaml:"when"`
}

// runs reports what the first rule that holds says. Without rules a job runs.
func runs(rules []rule, variables map[string]string) (bool, error) {
	for _, r := range rules {
		switch holds, err := holds(r.If, variables); {
		case err != nil:
			return false, err
		case holds && r.When != "" && r.When != "never":
			return false, fmt.Errorf("when: %s is not known here", r.When)
		case holds:
			return r.When == "", nil
		}
	}
	return len(rules) == 0, nil
}

// holds knows of GitLab's expressions those that the file uses: terms with && between
// them, each $NAME, which has to be there and not empty, or a comparison of two by ==.
func holds(expression string, variables map[string]string) (bool, error) {
	all := true
	for term := range strings.SplitSeq(expression, "&&") {
		left, right, compared := strings.Cut(strings.TrimSpace(term), "==")
		a, err := value(left, variables)
		if err != nil {
			return false, err
		}
		if !compared {
			all = all && a != ""
			continue
		}
		b, err := value(right, variables)
		if err != nil {
			return false, err
		}
		all = all && a == b
	}
	return all, nil
}

func value(word string, variables map[string]string) (string, error) {
	word = strings.TrimSpace(word)
	if m := regexp.MustCompile(`^\$([A-Z_]+)$`).FindStringSubmatch(word); m != nil {
		return variables[m[1]], nil
	}
	if m := regexp.MustCompile(`^"([^"$]*)"$`).FindStringSubmatch(word); m != nil {
		return m[1], nil
	}
	return "", fmt.Errorf("%q is not known here", word)
}
