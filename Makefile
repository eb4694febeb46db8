# Everything that people and CI run. Needs Go, git and make; `make race` and `make plugin` a
# C compiler too.

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unreleased)
LINT    := bin/golangci-lint
FUZZ    ?= 20000x
# What peers, scaling and process read: left by make bench.
FILE    ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/logveil-bench/corpus/clean.log
SAMPLE  := testdata/mule/sample.log

PLUGIN  := bin/flb-filter_logveil.so

.PHONY: all help build plugin run test portable vaultd log4j2 race bench peers scaling process lint fuzz generate man clean

all: build test

help: ## say what there is to make
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## /{printf "%-10s %s\n", $$1, $$2}' Makefile

build: ## the program, bin/logveil: static, without cgo, the same bytes from the same commit
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/logveil ./cmd/logveil

# One file under two names: Fluent Bit tells filters from outputs by the name of the file,
# and must have one Go runtime only.
plugin: ## the plugin for Fluent Bit, bin/flb-filter_logveil.so and bin/logveil.so
	@command -v "$$(go env CC)" >/dev/null || { echo "make plugin: no C compiler ($$(go env CC)): the plugin is a shared object and needs one; with gcc or clang installed, run this again" >&2; exit 1; }
	CGO_ENABLED=1 go build -trimpath -tags netgo,osusergo -buildmode=c-shared -ldflags '-s -w -X main.version=$(VERSION)' -o $(PLUGIN) ./plugin/flb
	@rm -f $(PLUGIN:.so=.h)
	ln -f $(PLUGIN) bin/logveil.so

run: build ## redact a sample Mule log and show what changed
	@bin/logveil redact --key-file bin/demo.key --make-key -o bin/sample.redacted.log $(SAMPLE)
	@echo
	@git --no-pager diff --no-index --no-prefix --unified=0 --word-diff=plain --word-diff-regex='[A-Za-z0-9_]+|[^[:space:]]' --color=auto $(SAMPLE) bin/sample.redacted.log | sed -n '5,$$p'

test: ## all tests
	go test ./...

vaultd: ## the Vault that the tests of vault/ use, built into the user's cache
	go run ./vault/vaulttest/build

log4j2: ## what the tests of redact/log4j2test build with, fetched by Maven
	@if command -v java >/dev/null && command -v mvn >/dev/null; then \
		out=$$(mktemp -d) && trap 'rm -rf "$$out"' EXIT && \
		mvn -q -B -f testdata/log4j2 -Dout="$$out" compile dependency:build-classpath; \
	else echo 'no java or no mvn: the tests look at recorded logs of Log4j2 alone here'; fi

QEMU := qemu-aarch64-static

portable: ## the tests of the engine without assembly, and of its kernels for arm64 under qemu
	go test -tags purego ./internal/scan ./redact
	GOARCH=arm64 go vet ./internal/scan ./redact
	@if command -v $(QEMU) >/dev/null; then \
		echo 'GOARCH=arm64 go test -exec $(QEMU) ./internal/scan'; \
		GOARCH=arm64 go test -exec $(QEMU) ./internal/scan; \
	else echo 'no $(QEMU): the tests for arm64 are left out here'; fi

# Detectors and checksums start no goroutines; the engine's tests run them on many.
race: ## the tests of what runs on many processors, under the race detector
	CGO_ENABLED=1 go test -race -short ./cmd/... ./internal/config ./internal/deliver ./internal/metrics ./internal/pipe ./plugin ./plugin/instance ./redact ./vault

bench: build ## measure the engine; BENCH holds the flags of bench/main.go
	go run ./bench $(BENCH)

peers: ## the engine and other programs on FILE, in one run; PEERS holds the runner's flags
	go build -o bin/bench ./bench
	go run ./bench/peers/runner -also 'logveil=$(CURDIR)/bin/bench peer' $(PEERS) $(FILE)

scaling: ## what more cores bring, on FILE
	go run ./bench scaling $(FILE)

process: build ## the whole program on FILE, repeated: files and pipes; PROCESS holds the flags of bench/process.go
	go run ./bench process $(PROCESS) $(FILE)

lint: $(LINT) ## go vet and the linters of .golangci.yml
	go vet ./...
	$(LINT) run ./...

# The linters are a module of their own, so that the program's stays lean.
$(LINT): tools/go.mod tools/go.sum
	cd tools && go build -o ../$(LINT) github.com/golangci/golangci-lint/v2/cmd/golangci-lint

fuzz: ## each fuzz target FUZZ times
	@set -e; for p in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
			echo "$$p $$f"; \
			go test -run='^$$' -fuzz="^$$f\$$" -fuzztime=$(FUZZ) $$p; \
		done; \
	done

generate: ## what is generated: docs/config.md, docs/policy.schema.json
	go generate ./...

man: build ## the manual pages, in dist/man
	bin/logveil man dist/man

clean: ## remove what was built
	rm -rf bin dist
