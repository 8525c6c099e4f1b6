# The two commands of the README are run and test; check is what CI adds to them.
RUN   ?= run
SWAG   = go tool swag init --v3.1 --quiet --parseInternal -g openapi.go -d internal/gateway,internal/wol,internal/problem
STATIC = go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 -checks all
VULN   = go run golang.org/x/vuln/cmd/govulncheck@v1.8.0

# What make test runs, and how. Tests that are parallel mostly wait, so that more of them
# than there are processors get on well.
PACKAGES ?= ./...
RACE     ?= -race
PARALLEL  = -parallel 8

# how long make fuzz gives each target
FUZZTIME ?= 30s

# Flags of the load program, such as -wakes 1000000, a commit to compare with, and the
# packages with benchmarks.
BENCHFLAGS ?=
BASE       ?=
BENCHED     = $(addprefix ./internal/,magicpacket wol apikey ratelimit broadcast wolhttp wolserver apiserver)

# What images are called: $(IMAGES)/wol-server:$(TAG) and $(IMAGES)/api-server:$(TAG).
IMAGES    ?= wolgate
TAG       ?= latest
PROGRAMS   = wol-server api-server
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null)
REVISION  ?= $(shell git rev-parse HEAD 2>/dev/null)

.PHONY: build cross run quick quick-packages test bench check format vet staticcheck docs-diff tidy-diff docs fuzz soak vuln npm images login release deploy

build:
	go build -trimpath -o bin/ ./cmd/...

# cross builds for what else images are made for, and keeps nothing.
cross:
	CGO_ENABLED=0 GOARCH=arm64 go build -o /dev/null ./cmd/...
	CGO_ENABLED=0 GOARCH=arm GOARM=7 go build -o /dev/null ./cmd/...

# run starts both programs with their socket and keys under $(RUN) and stops both
# on Ctrl-C, which the terminal sends to both of them as well, and when the terminal
# is closed. Every WOL_* and API_* variable reaches them.
run: build
	@mkdir -p "$(RUN)"; \
	export WOL_SOCKET="$${WOL_SOCKET:-$(RUN)/wol-server.sock}" API_KEYS_FILE="$${API_KEYS_FILE:-$(RUN)/keys.json}"; \
	export API_WOL_SOCKET="$$WOL_SOCKET" API_LISTEN="$${API_LISTEN:-127.0.0.1:8080}"; \
	export WOL_LOG_FORMAT="$${WOL_LOG_FORMAT:-text}" API_LOG_FORMAT="$${API_LOG_FORMAT:-text}"; \
	if bin/wol-server healthcheck 2>/dev/null; then echo "a wol-server serves $$WOL_SOCKET already: end it, or choose another RUN"; exit 1; fi; \
	if bin/api-server healthcheck 2>/dev/null; then echo "something answers on $$API_LISTEN already: end it, or choose another API_LISTEN"; exit 1; fi; \
	key=; [ -e "$$API_KEYS_FILE" ] || key=$$(bin/api-server keys add first --scope wake --scope admin 2>"$(RUN)/said") || { cat "$(RUN)/said"; exit 1; }; \
	api=; bin/wol-server & wol=$$!; \
	stop() { trap '' HUP INT TERM; for p in $$api $$wol; do kill $$p 2>/dev/null; wait $$p; done; }; \
	up() { \
		until bin/$$1 healthcheck 2>/dev/null; do kill -0 $$2 2>/dev/null || break; sleep 0.1; done; \
		kill -0 $$2 2>/dev/null || { stop; exit 1; }; \
	}; \
	trap 'wait $$api; wait $$wol; exit 0' INT; trap 'stop; exit 0' HUP TERM; \
	up wol-server $$wol; \
	bin/api-server & api=$$!; \
	up api-server $$api; \
	url="http://$$API_LISTEN"; case "$$API_LISTEN" in :*|0.0.0.0:*|\[::\]:*) url="http://localhost:$${API_LISTEN##*:}";; esac; \
	echo; \
	if [ -n "$$key" ]; then echo "  Your key, shown this once:  $$key"; else echo "  Another key:  bin/api-server keys add NAME --keys '$$API_KEYS_FILE'"; fi; \
	echo "  Wake a computer:  curl -X POST -H 'Authorization: Bearer $${key:-YOUR-KEY}' $$url/api/v1/wol/aa:bb:cc:dd:ee:ff"; \
	echo "  In a browser:     $$url/swagger/"; \
	echo "  Stop:             Ctrl-C"; \
	echo; \
	wait $$api; code=$$?; stop; exit $$code

# quick is for while you work: the tests that need neither a LAN nor both programs, which
# are those of every package that is not below internal/e2e and does not import lantest.
# It has no race detector, and tests again only what has changed.
QUICK = go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{.TestImports}} {{.XTestImports}}{{end}}' ./... | grep -v -e /internal/e2e -e /internal/lantest | cut -d ' ' -f 1

quick:
	@go test $(PARALLEL) $$($(QUICK))

quick-packages:
	@$(QUICK)

# test runs every layer that this machine can, and names what it skipped and how to get
# it; REQUIRE_ALL=1 turns a skip into a failure. PACKAGES and RACE= run less. The race
# detector needs a C compiler. The programs are built once, in a folder that other users
# may enter. The tests of whole systems (an engine, systemd, a browser) come last, one at
# a time, because each of them is a load for the others. Artifacts are in $(RUN)/artifacts.
test:
	@mkdir -p "$(RUN)/artifacts"; rm -f "$(RUN)/skipped"; race=$(RACE); code=0; \
	if [ -n "$$race" ] && ! command -v "$$(go env CC)" >/dev/null; then \
		race=; echo "SKIPPED the race detector: there is no C compiler: apt-get install gcc libc6-dev" >"$(RUN)/skipped"; \
		[ "$${REQUIRE_ALL:-}" != 1 ] || { cat "$(RUN)/skipped"; exit 1; }; \
	fi; \
	TEST_PROGRAMS=$$(mktemp -d /tmp/wolgate.XXXXXX) || exit; trap 'rm -rf "$$TEST_PROGRAMS"' EXIT; trap 'exit 130' HUP INT TERM; \
	chmod 755 "$$TEST_PROGRAMS" && CGO_ENABLED=0 go build -trimpath -o "$$TEST_PROGRAMS/" ./cmd/... || exit; \
	export TEST_PROGRAMS SKIPPED_LOG="$(abspath $(RUN))/skipped" ARTIFACTS="$(abspath $(RUN))/artifacts"; \
	packages=$$(go list $(PACKAGES)) || exit; systems=$$(echo "$$packages" | grep /internal/e2e/); others=$$(echo "$$packages" | grep -v /internal/e2e/); \
	[ -z "$$others" ] || go test $$race $(PARALLEL) -shuffle=on -count=1 $$others || code=$$?; \
	[ -z "$$systems" ] || go test $$race $(PARALLEL) -shuffle=on -count=1 -timeout 20m -p 1 $$systems || code=$$?; \
	if [ -e "$(RUN)/skipped" ]; then cat "$(RUN)/skipped"; else echo "nothing was skipped"; fi; exit $$code

check: format vet staticcheck docs-diff tidy-diff

format:
	@left=$$(gofmt -l bench cmd internal docs); [ -z "$$left" ] || { echo "run gofmt -w on: $$left"; exit 1; }

# The files of a soak are looked at as well; the tag takes none away.
vet:
	go vet -tags soak ./...
	go -C bench vet .

staticcheck:
	$(STATIC) -tags soak ./...
	cd bench && $(STATIC) .

docs:
	$(SWAG) -o docs

# docs-diff regenerates into a folder of its own, so that a checkout with other
# changes can be checked as well.
docs-diff:
	@dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; $(SWAG) --packageName docs -o "$$dir" && \
	for f in docs.go swagger.json swagger.yaml; do diff -u "docs/$$f" "$$dir/$$f" || { echo "docs/$$f is not what the annotations say: run make docs"; exit 1; }; done

tidy-diff:
	go mod tidy -diff
	go -C bench mod tidy -diff

# fuzz gives every fuzz target in the tree $(FUZZTIME), one after the other, all of
# them whatever the first ones find. go test writes an input that fails below
# testdata/fuzz, where it belongs with the fix: make test tries it from then on.
# Before Go 1.27 a target whose time is up may fail with "context deadline exceeded"
# and nothing else (go.dev/issue/75804), which finds nothing and says nothing.
fuzz:
	@listed=$$(go test -list '^Fuzz' ./...) || { echo "$$listed"; exit 1; }; \
	targets=$$(echo "$$listed" | awk '/^Fuzz/ { name[++n] = $$1 } /^ok/ { for (i = 1; i <= n; i++) print $$2, name[i]; n = 0 }'); \
	[ -n "$$targets" ] || { echo "there is no fuzz target"; exit 1; }; \
	dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; : >"$$dir/failed"; \
	echo "$$targets" | while read -r package target; do \
		echo "fuzz $$package $$target"; \
		{ go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$package" </dev/null || echo "$$target ended with $$?"; } 2>&1 | tee "$$dir/said"; \
		grep -q "^$$target ended with" "$$dir/said" || continue; \
		grep -qx ' *context deadline exceeded' "$$dir/said" && ! grep -q 'Failing input' "$$dir/said" || echo "$$package $$target" >>"$$dir/failed"; \
	done; \
	[ ! -s "$$dir/failed" ] || { echo "FAILED:"; cat "$$dir/failed"; exit 1; }

# soak runs what takes too long for make test, or measures what a busy machine
# would spoil, one package at a time, and prints the figures.
soak:
	go test -tags soak -run '^TestSoak' -count=1 -v -p 1 -timeout 2h ./...

# bench measures both programs against what this machine allows, in a network namespace of
# its own, and prints tables in Markdown; docs/benchmarks.md says how to read them. With
# BASE=commit, the programs of that commit take turns with ours. Before them come the
# benchmarks of single packages. The programs are built as for the images. Nothing else
# should run beside it.
bench:
	@mkdir -p "$(RUN)/bench/base"
	@go test -run '^$$' -bench . -benchmem -benchtime 200ms $(BENCHED) >"$(RUN)/benchmarks" || { cat "$(RUN)/benchmarks"; exit 1; }; \
	grep -E '^(pkg:|Benchmark)' "$(RUN)/benchmarks"
	@set -e; out=$$(cd "$(RUN)/bench" && pwd); export CGO_ENABLED=0; \
	programs() { \
		go -C "$$1" build -trimpath -tags nethttpomithttp2 -ldflags '-s -w' -o "$$2/" ./cmd/api-server; \
		go -C "$$1" build -trimpath -tags nethttpomithttp2,purego -ldflags '-s -w' -o "$$2/" ./cmd/wol-server; \
	}; \
	programs . "$$out"; go -C bench build -o "$$out/bench" .; \
	if [ -n "$(BASE)" ]; then \
		source=$$(mktemp -d); trap 'rm -rf "$$source"' EXIT; git archive "$(BASE)" | tar -x -C "$$source"; programs "$$source" "$$out/base"; \
	fi
	@unshare -Urn "$(RUN)/bench/bench" $(if $(BASE),-base "$(RUN)/bench/base") $(BENCHFLAGS)

# vuln looks for known holes in what is called. VULNDB names a folder with the
# database (https://vuln.go.dev/vulndb.zip, unpacked) for a machine that cannot
# reach it; without either, it says that it was skipped.
vuln:
	@if [ -n "$(VULNDB)" ]; then db=$$(cd "$(VULNDB)" && pwd) && $(VULN) -db "file://$$db" ./...; exit; fi; \
	said=$$($(VULN) ./... 2>&1); code=$$?; \
	case "$$code:$$said" in \
	0:*) echo "$$said";; \
	*"govulncheck: fetching vulnerabilities:"*) \
		echo "SKIPPED vuln: the vulnerability database is out of reach: unpack https://vuln.go.dev/vulndb.zip and run make vuln VULNDB=folder"; \
		echo "$$said" | head -n 1; [ "$${REQUIRE_ALL:-}" != 1 ];; \
	*) echo "$$said"; exit 1;; \
	esac

# npm installs what the tests of the recipes in JavaScript need; without it they are skipped.
npm:
	for project in docs/examples/discord-bot internal/e2e/testdata/node-red; do \
		npm ci --prefix $$project --ignore-scripts --no-audit --no-fund || exit 1; \
	done

# images builds both for this machine. It needs BuildKit: Docker 23, or DOCKER_BUILDKIT=1.
images:
	@set -e; for name in $(PROGRAMS); do \
		docker build --file Dockerfile.$${name%%-*} --tag $(IMAGES)/$$name:$(TAG) \
			--build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) .; \
	done

# login takes what GitLab gives a job; the password is on no command line.
login:
	@printf %s "$$CI_REGISTRY_PASSWORD" | docker login --username "$$CI_REGISTRY_USER" --password-stdin "$$CI_REGISTRY"

# release builds both for every platform and pushes them by the names of $(TAG) and latest.
release:
	@IMAGES="$(IMAGES)" TAG="$(TAG)" VERSION="$(VERSION)" REVISION="$(REVISION)" .ci/release

# deploy replaces both containers on the host of the engine that docker talks to.
deploy:
	@IMAGES="$(IMAGES)" TAG="$(TAG)" .ci/deploy
