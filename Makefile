# A plain front of meson: each target installs what it needs from Debian (as root), builds and runs.
# `make help` lists them.

BUILD     := build/debug
SANITIZED := build/sanitized
RELEASE   := build/release
PREFIX    ?= /usr/local
DESTDIR   ?=
SECONDS   ?= 60

MESON_SETUP = meson setup --prefix=$(PREFIX)

.DEFAULT_GOAL := build
.PHONY: build release demo test check campaign control-plane golden bench fuzz lint format install clean help

build: ## Build with symbols into build/debug
	@scripts/bootstrap.sh build
	@test -f $(BUILD)/build.ninja || $(MESON_SETUP) $(BUILD) >/dev/null
	@ninja -C $(BUILD) --quiet

release: ## Build without symbols, optimised, into build/release
	@scripts/bootstrap.sh build
	@test -f $(RELEASE)/build.ninja || $(MESON_SETUP) --buildtype=release $(RELEASE) >/dev/null
	@ninja -C $(RELEASE) --quiet

demo: ## Pods as network namespaces, a policy, real packets before and after
	@scripts/bootstrap.sh run
	@$(MAKE) --no-print-directory build
	@scripts/demo.sh $(BUILD)/src/cmd/penstock

test: ## Build and pass every test, under ASan and UBSan
	@scripts/bootstrap.sh test
	@scripts/test.sh all

check: ## The inner loop: unit, golden, property and corpus tests, under a minute
	@scripts/bootstrap.sh test
	@scripts/test.sh check

campaign: ## Thousands of single faults in installed rules, each judged by every packet
	@scripts/bootstrap.sh test
	@$(MAKE) --no-print-directory build
	@PENSTOCK_CLUSTERS=$${PENSTOCK_CLUSTERS:-50} PENSTOCK_PACKETS=$${PENSTOCK_PACKETS:-100000000} \
		$(BUILD)/tests/mutation/test_campaign

control-plane: ## Build the API server that system tests run against into build/control-plane
	@scripts/control_plane.sh

golden: ## Write the expected rulesets of tests/golden again
	@$(MAKE) --no-print-directory build
	@scripts/golden.sh $(BUILD)/src/cmd/penstock --write

bench: ## Report: cost of packets, render, apply, as ratios; table and plots in build/bench
	@scripts/bootstrap.sh bench
	@$(MAKE) --no-print-directory release
	@python3 bench/run.py --build $(RELEASE) $(BENCH_OPTIONS)

fuzz: ## Fuzz each parser for SECONDS (60)
	@scripts/bootstrap.sh test
	@scripts/fuzz.sh $(SECONDS)

lint: ## clang-format and clang-tidy, both clean
	@scripts/bootstrap.sh lint
	@scripts/lint.sh

format: ## Lay out all sources by .clang-format
	@scripts/bootstrap.sh lint
	@git ls-files '*.c' '*.h' | xargs clang-format -i

install: ## Install an optimised build: PREFIX (/usr/local), DESTDIR
	@$(MAKE) --no-print-directory release
	@meson setup --reconfigure --prefix=$(PREFIX) $(RELEASE) >/dev/null
	@ninja -C $(RELEASE) --quiet
	@DESTDIR=$(DESTDIR) meson install -C $(RELEASE) --no-rebuild --quiet

clean: ## Remove build/
	@rm -rf build

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
