# Thonsync: what a developer types. `make help` lists it.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VERSION = $(shell .ci/version.sh)
LDFLAGS = -s -w -X main.version=$(VERSION)
GOBUILD = go build -trimpath -ldflags '$(LDFLAGS)'

# Variables a caller may set.
ONCE ?=
BREAK ?=
JSON ?=
SEED ?= 1
ROUNDS ?= 1000
RESTORES ?=
FUZZTIME ?= 60s
ARGS ?=

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/thonsync (point and centre) and bin/thonfield (the device)
	@mkdir -p bin
	CGO_ENABLED=0 $(GOBUILD) -o bin/ ./server/cmd/thonsync ./clientlib/cmd/thonfield

.PHONY: demo
demo: build ## Show the promises being kept: ONCE=1 ends after one pass, BREAK=<promise> breaks one on purpose
	bin/thonsync demo $(if $(ONCE),--once) $(if $(BREAK),--break='$(BREAK)') $(ARGS)

.PHONY: check
check: ## Everything that must pass before a commit; CI runs precisely this
	@.ci/check.sh

.PHONY: check-long
check-long: check ## check, then hours of it: fuzz, torture, soak, mutation
	@FUZZTIME=$(FUZZTIME) ROUNDS=$(ROUNDS) SEED=$(SEED) .ci/check-long.sh

.PHONY: bench
bench: ## Measure against references; JSON=1 prints one object a line (make -s bench JSON=1)
	@go run ./server/bench $(if $(JSON),--json) $(ARGS)

.PHONY: torture
torture: ## Simulate a province with faults from a seed: SEED=1 ROUNDS=1000, RESTORES=1 for old copies too
	go test ./server/sim -run '^TestTorture' -count=1 -timeout=0 -v -args -seed=$(SEED) -rounds=$(ROUNDS) $(if $(RESTORES),-restores)

.PHONY: fuzz
fuzz: ## Fuzz every decoder in turn: FUZZTIME=60s for each
	@FUZZTIME=$(FUZZTIME) .ci/fuzz.sh

.PHONY: mutate
mutate: ## Change the rules on purpose, one change at a time: name those that no test noticed
	@.ci/mutate.sh

.PHONY: lint
lint: ## Run golangci-lint, built from .ci/tools
	@.ci/lint.sh $(ARGS)

.PHONY: vuln
vuln: ## Look our modules up in the vulnerability database (needs the network)
	@.ci/vuln.sh

.PHONY: fmt
fmt: ## Format all Go code
	gofmt -s -w $(wildcard server syncproto clientlib testdata)

.PHONY: generate
generate: ## Write all generated files anew
	@.ci/generate.sh

.PHONY: console
console: ## Build the console's pages from server/console/src (needs node and npm)
	@.ci/console.sh

.PHONY: screens
screens: ## Take the pictures of the console's pages into docs/screens (needs chromium)
	BROWSER=1 SCREENS=1 go test -count=1 ./server/console/browser

.PHONY: freeze
freeze: ## At a release: freeze new vectors and migrations
	@FREEZE=1 go test ./testdata/house -run '^TestFrozen' -count=1 -v

.PHONY: release
release: ## Build static programs for every platform into dist/ with SHA256SUMS
	@.ci/release.sh '$(VERSION)'

.PHONY: clean
clean: ## Remove what the other targets made
	rm -rf bin dist .check coverage.out
