# The task menu. Meson and Ninja do the building; this file only names what people do, so `make` alone prints it.
# Every path below is relative, so that the folder of the source may have any name.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help packages build demo test bench fuzz sim simulate simulate-mutants exhaustive exhaustive-mutants tear spin \
	requirements format lint check-source sanitize coverage install dist clean

# How long the fuzz targets, or the campaign of the model, may take; SEED repeats a run.
SECONDS ?= 600
C_FILES = git ls-files -z -- '*.c' '*.h' ':!src/message/generated'

help: ## print this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 28

packages:
	@tools/install-packages build

build/build.ninja: | packages
	meson setup build | sed '/":" is not allowed in test name/d'

build: packages build/build.ninja ## compile everything into build/
	ninja -C build

demo: build ## start a whole system in a new folder and walk through it
	build/src/kinchaku/kinchaku demo

test: build ## source checks and all quick tests; the last line counts them
	tools/run-tests --check 'tools/check-source' --check 'tools/messages.py --check' --check 'tools/requirements'

bench: build ## measure; figures go to build/bench.json
	tools/run-bench

fuzz: ## fuzz all targets for SECONDS (600) together, from SEED (the clock) on
	tools/install-packages build fuzz
	tools/fuzz $(if $(SEED),'$(SEED)',"$$(date +%s)") '$(SECONDS)'

sim: build ## the ledger beside its model for SECONDS (600), from SEED (the clock) on
	tools/sim --seconds '$(SECONDS)' $(if $(SEED),--seed '$(SEED)')

simulate: build ## purses and bank as one for STEPS (10000000) steps from SEED (the clock) on, JOBS (all cores) at a time; or EPISODE in words
	build/tests/model/sim-whole --seed '$(or $(SEED),$(shell date +%s))' $(if $(EPISODE),--episode '$(EPISODE)', \
		--steps '$(or $(STEPS),10000000)' --jobs '$(or $(JOBS),0)')

simulate-mutants: build ## where the simulator finds each bug that is put into a copy of the sources, within SCHEDULES (200000)
	tools/simulate-mutants '$(or $(SCHEDULES),200000)' '$(or $(SEED),1)'

exhaustive: build ## every order, loss, repeat and tear of three purses and the bank: DEPTH (7) commands, or WHOLE (4) steps with cash
	build/tests/exhaustive/exhaustive --depth '$(or $(DEPTH),7)'
	build/tests/exhaustive/exhaustive --whole --cash --depth '$(or $(WHOLE),4)'

exhaustive-mutants: build ## what is broken on purpose, and after how many steps that search finds it
	build/tests/exhaustive/exhaustive-mutants

tear: build ## a purse cut from power at every byte it writes, then every pair of cuts; some minutes
	build/tests/tear/tear --all
	build/tests/tear/tear --pairs

spin: packages ## exchange and settlement in every order, COUNTERS (3) entries a purse
	tools/spin $(or $(COUNTERS),3)

requirements: ## which requirement is shown by how many tests
	tools/requirements

format: ## format every C file
	tools/install-packages lint
	$(C_FILES) | xargs -0 clang-format-14 -i

lint: build ## formatting and clang-tidy, nothing changed
	tools/install-packages lint
	$(C_FILES) | xargs -0 clang-format-14 --dry-run -Werror
	git ls-files -z -- 'src/*.c' ':!src/message/generated' | xargs -0 -n 8 -P 2 clang-tidy-14 -p build --quiet

check-source: ## layers, lengths, banned calls, links; compiles nothing
	tools/check-source

sanitize: packages ## all quick tests under ASan+UBSan, then under TSan
	tools/build-variant build-asan -Db_sanitize=address,undefined
	tools/run-tests --build build-asan --slower 5
	tools/build-variant build-tsan -Db_sanitize=thread
	tools/run-tests --build build-tsan --slower 10

coverage: packages ## line coverage of src/ by the quick tests, in build-coverage/report/
	tools/install-packages coverage
	tools/build-variant build-coverage -Db_coverage=true
	tools/run-tests --build build-coverage --slower 2
	mkdir -p build-coverage/report
	gcovr --root . --filter src/ --exclude src/message/generated/ --object-directory build-coverage \
		--print-summary --html-details build-coverage/report/index.html build-coverage

install: build ## install below the prefix of build/, or below DESTDIR
	meson install -C build --no-rebuild

dist: build/build.ninja ## an archive of the committed source in build/meson-dist/
	meson dist -C build --no-tests --formats gztar

clean: ## remove every build folder
	rm -rf build build-*/
