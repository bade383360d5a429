# Polyclinic. `make help` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

FLAGS := --explicit-target-dependency-import-check error
# With Swift's libraries inside: less processor time and memory, and an image needs no Swift.
# Across modules too: what is generic is compiled for the types that it is used with.
OPTIMISED := -c release --static-swift-stdlib -Xswiftc -cross-module-optimization $(FLAGS)
RELEASE := .build/release
DEBUG := .build/debug
TEST_LIMIT_SECONDS ?= 3600
# Every suite that compares with a golden file; a suite has the name of its file.
GOLDEN_SUITES = $(shell grep -rl 'Golden[.]check' Tests --include='*Tests.swift' | xargs -n 1 basename -s .swift | sort | paste -sd '|')
SOURCES := Package.swift Shared Services Tests Benchmarks

.PHONY: help run demo test test-only test-live bench build release format lint verify vectors vectors-check validate verify-audit deps clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: deps release ## everything on this machine, with a demo clinic; Ctrl-C stops it
	@exec $(RELEASE)/polyclinic dev

demo: ## plays the main job against the running suite
	@$(RELEASE)/polyclinic demo

test: deps ## builds and runs every test, or those of TARGETS, on a PostgreSQL and a Redis of its own
	@deploy/install-dependencies.sh tests
	swift build --build-tests $(FLAGS)
	timeout $(TEST_LIMIT_SECONDS) $(DEBUG)/polyclinic with-servers -- Tests/run.sh $(TARGETS)

test-only: ## the tests of TARGETS (CoreTests BillingTests …), as `make test` has built them
	timeout $(TEST_LIMIT_SECONDS) $(DEBUG)/polyclinic with-servers -- Tests/run.sh $(TARGETS)

test-live: deps ## the providers themselves, where POLYCLINIC_LIVE_<CHANNEL>_<PROVIDER> has credentials (JSON); says which it skipped
	swift build --build-tests $(FLAGS)
	swift test --skip-build --disable-xctest --filter '^CommunicationTests\.LiveProviderTests'

bench: deps release-bench ## measures, beside the peers that can be installed, and writes Benchmarks/results.json
	@deploy/install-dependencies.sh bench
	@python3 Benchmarks/bench.py

build: deps ## debug build
	swift build $(FLAGS)

release: deps ## release build
	@swift build $(OPTIMISED) --product polyclinic
	@for product in gateway access communication appointments billing sandbox; do \
		swift build $(OPTIMISED) --product $$product; done

release-bench: release
	@swift build $(OPTIMISED) --product micro

format: ## writes the house format
	swift format --in-place --recursive $(SOURCES)

lint: ## checks the house format
	swift format lint --strict --recursive $(SOURCES)

verify: deps ## checks that golden files are fresh; UPDATE_GOLDEN=1 writes them
	swift build --build-tests $(FLAGS)
	$(DEBUG)/polyclinic with-servers -- swift test --skip-build --disable-xctest --filter "[.]($(GOLDEN_SUITES))/"

vectors: ## records anew what others' signers and SDKs say of our providers' requests
	@Tests/record-vectors.sh

vectors-check: ## records them in a scratch folder and fails where they say anything else than what is kept
	@Tests/check-vectors.sh

validate: ## checks the compose files, the Dockerfile and the OpenAPI document with validators of others
	@deploy/validate.sh

verify-audit: ## checks the running suite's audit log with verifiers of others
	@deploy/verify-audit.sh

deps: ## installs what this machine lacks (Debian or Ubuntu)
	@deploy/install-dependencies.sh

clean: ## removes builds and the private home of `make run`
	rm -rf .build .polyclinic
