package engine

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

// pipeline is .gitlab-ci.yml.
type pipeline struct {
	Stages    []string
	Workflow  []rule
	Variables map[string]string
	Jobs      map[string]job // those that begin with a dot are only extended
}

func readPipeline(t *testing.T) pipeline {
	t.Helper()
	text, err := os.ReadFile("../../../.gitlab-ci.yml")
	must(t, err)
	var raw map[string]yaml.Node
	must(t, yaml.Unmarshal(text, &raw))
	p := pipeline{Jobs: map[string]job{}}
	strictly := func(name string, node yaml.Node, into any) {
		text, err := yaml.Marshal(&node)
		must(t, err)
		d := yaml.NewDecoder(bytes.NewReader(text))
		d.KnownFields(true)
		if err := d.Decode(into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	for name, node := range raw {
		switch name {
		case "stages":
			must(t, node.Decode(&p.Stages))
		case "variables":
			must(t, node.Decode(&p.Variables))
		case "workflow":
			var w struct{ Rules []rule }
			strictly(name, node, &w)
			p.Workflow = w.Rules
		default:
			var j job
			strictly(name, node, &j)
			p.Jobs[name] = j
		}
	}
	return p
}

// rules are those of a job or of what it extends.
func (p pipeline) rules(name string) []rule {
	j := p.Jobs[name]
	if j.Rules == nil && j.Extends != "" {
		return p.rules(j.Extends)
	}
	return j.Rules
}

func TestPipelineRuns(t *testing.T) {
	p := readPipeline(t)
	if diff := cmp.Diff([]string{"build", "test", "release", "deploy"}, p.Stages); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
	stages := map[string]string{}
	for name, j := range p.Jobs {
		if !strings.HasPrefix(name, ".") {
			stages[name] = j.Stage
		}
	}
	if diff := cmp.Diff(map[string]string{"build": "build", "test": "test", "release": "release", "deploy-service": "deploy"}, stages); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
	// It is for the runner on the host, and two at a time would remove each other's containers.
	if d := p.Jobs["deploy-service"]; !slices.Equal(d.Tags, []string{"wolgate"}) || d.ResourceGroup != "wolgate" {
		t.Errorf("deploy-service: tags %v, resource group %q", d.Tags, d.ResourceGroup)
	}
	all, checks := []string{"build", "deploy-service", "release", "test"}, []string{"build", "test"}
	for name, tt := range map[string]struct {
		variables map[string]string
		want      []string
	}{
		"push to the default branch": {push("main", "true"), all},
		"while a merge request from it is open": {with(push("main", "true"),
			"CI_OPEN_MERGE_REQUESTS", "group/wolgate!7"), all},
		"by hand on the default branch":        {with(push("main", "true"), "CI_PIPELINE_SOURCE", "web"), all},
		"default branch that is not protected": {push("main", "false"), checks},
		"push to another branch":               {push("topic", "false"), checks},
		"push to a protected branch":           {push("stable", "true"), checks},
		"a branch with a merge request":        {with(push("topic", "false"), "CI_OPEN_MERGE_REQUESTS", "group/wolgate!7"), nil},
		"merge request":                        {mergeRequest("topic"), checks},
		"merge request of a fork": {with(mergeRequest("main"), "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", "somebody/wolgate",
			"CI_COMMIT_REF_PROTECTED", "true"), checks},
		"merge request that claims a branch": {with(mergeRequest("main"), "CI_COMMIT_BRANCH", "main", "CI_COMMIT_REF_PROTECTED", "true"), checks},
		"tag": {map[string]string{"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_TAG": "v1.0.0", "CI_COMMIT_REF_PROTECTED": "true",
			"CI_DEFAULT_BRANCH": "main"}, nil},
	} {
		var got []string
		begins, err := runs(p.Workflow, tt.variables)
		must(t, err)
		for job := range stages {
			ok, err := runs(p.rules(job), tt.variables)
			must(t, err)
			if begins && ok {
				got = append(got, job)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// push is what GitLab says of one to a branch.
func push(branch, protected string) map[string]string {
	return map[string]string{"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": branch, "CI_DEFAULT_BRANCH": "main",
		"CI_COMMIT_REF_PROTECTED": protected}
}

// mergeRequest has no CI_COMMIT_BRANCH.
func mergeRequest(from string) map[string]string {
	return map[string]string{"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": from,
		"CI_DEFAULT_BRANCH": "main", "CI_COMMIT_REF_PROTECTED": "false"}
}

func with(variables map[string]string, more ...string) map[string]string {
	variables = maps.Clone(variables)
	for i := 0; i < len(more); i += 2 {
		variables[more[i]] = more[i+1]
	}
	return variables
}

func TestRulesRefuseWhatTheyDoNotKnow(t *testing.T) {
	for _, expression := range []string{`$A || $B`, `$A =~ /x/`, `$A != "x"`, `($A)`, `main`, `"$A"`, ``} {
		if _, err := holds(expression, nil); err == nil {
			t.Errorf("%q is taken", expression)
		}
	}
}

// TestPipelineScripts: a job is make targets that there are; the packages that the image
// of docker lacks are all else.
func TestPipelineScripts(t *testing.T) {
	targets := makeTargets(t)
	for name, j := range readPipeline(t).Jobs {
		for _, line := range j.Script {
			words := strings.Fields(line)
			if words[0] != "make" || len(words) > 3 {
				t.Errorf("%s: %q is not make with a target or two", name, line)
				continue
			}
			for _, target := range words[1:] {
				if !slices.Contains(targets, target) {
					t.Errorf("%s: make has no target %s", name, target)
				}
			}
		}
		for _, line := range j.BeforeScript {
			if !strings.HasPrefix(line, "apk add --no-cache ") {
				t.Errorf("%s: before_script runs %q", name, line)
			}
		}
		for _, image := range append(j.Services, j.Image) {
			if image != "" && !regexp.MustCompile(`:\d+\.\d+\.\d+`).MatchString(image) {
				t.Errorf("%s: image %s names no version", name, image)
			}
		}
	}
}

func makeTargets(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../../Makefile")
	must(t, err)
	line := regexp.MustCompile(`(?m)^\.PHONY: (.*)$`).FindStringSubmatch(string(text))
	if line == nil {
		t.Fatal("the Makefile has no .PHONY")
	}
	var targets []string
	for _, target := range strings.Fields(line[1]) {
		if err := exec.Command("make", "-C", "../../..", "-n", target).Run(); err != nil {
			t.Errorf("make -n %s: %v", target, err)
			continue
		}
		targets = append(targets, target)
	}
	return targets
}
