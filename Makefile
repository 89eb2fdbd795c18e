# Relève. `make help` lists what can be made. All work is done by house/task,
# which is built first; it needs nothing but Go.

GO ?= go
TASK := bin/task
STATIC := CGO_ENABLED=0
BUILD := $(STATIC) $(GO) build -trimpath -buildvcs=false

.DEFAULT_GOAL := build
.PHONY: help build package lab test test-all unit scenarios lint fuzz sim sim-mistakes model bench generate vendor-assets screenshots check-fresh clean $(TASK)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

build: $(TASK) ## build the programs into bin/
	@$(TASK) build

package: build ## build, then the Debian packages of releve-vsocket and releve-pop, into bin/
	@$(STATIC) $(GO) run -trimpath ./packaging/write

lab: build ## build, then play the story: a failover that you can watch, in about a minute
	@bin/releve lab run story --azure fast

test: $(TASK) ## what guards main: tests, fuzzing, scenarios, linters
	@$(TASK) test

test-all: $(TASK) ## everything: every scenario and profile, longer fuzzing, golangci-lint
	@$(TASK) test-all

unit: $(TASK) ## the unit tests alone, with the race detector
	@$(TASK) unit

scenarios: $(TASK) ## the lab's scenarios that guard main, alone
	@$(TASK) scenarios

lint: $(TASK) ## go vet, staticcheck, the repo's own rules, golangci-lint
	@$(TASK) lint

fuzz: $(TASK) ## fuzz each decoder for FOR (5m); what is found stays in testdata/fuzz
	@$(TASK) fuzz -for $(or $(FOR),5m)

sim: build ## simulate SEEDS (10000) seeds from START (1) on, keep what fails; RESUME=FILE goes on from there
	@bin/releve sim run --seeds $(or $(SEEDS),10000) --start $(or $(START),1) --by-kind --keep sim/testdata $(if $(RESUME),--resume $(RESUME))

sim-mistakes: ## plant each mistake of core/slip, and see which property finds it
	@$(BUILD) -tags mistakes -o bin/releve-mistakes ./cmd/releve
	@bin/releve-mistakes sim mistakes --start $(or $(START),1)

model: $(TASK) ## search the Spin models in spec/, whole and with each rule broken, in about a minute
	@$(TASK) model

bench: build ## measure (some 50 minutes), and write docs/benchmarks.md
	@$(STATIC) $(GO) run -trimpath ./bench

generate: ## write the generated files anew; builds its tools first, some minutes where nothing is cached
	@cd manager/store && $(STATIC) $(GO) tool -modfile=../../tools/generators/go.mod sqlc generate
	@$(STATIC) $(GO) test ./manager/store -run TestQueriesAreGenerated -update
	@$(STATIC) $(GO) test ./vsocket/config ./pop/config ./wire/keepalive ./wire/witness ./lab/report ./manager/api -update
	@cd tools/generators && $(STATIC) $(GO) run ./proto ../../channel channel.proto protoc-gen-go=paths=source_relative protoc-gen-connect-go=paths=source_relative,package_suffix
	@cd tools/generators && for pages in web/page manager/ui/pages vsocket/webui/pages; do $(STATIC) $(GO) run ./templ ../../$$pages || exit 1; done

vendor-assets: $(TASK) ## get the pages' style sheets and scripts from their npm packages; needs npm
	@$(TASK) assets

screenshots: $(TASK) ## a picture of each page, into bin/screenshots; those that the docs use, into docs/images
	@$(TASK) screenshots

check-fresh: ## as root: `make lab` and `make test` on a fresh Debian with Go, git and make alone
	@scripts/check-fresh

clean: ## remove what was built
	@rm -rf bin

$(TASK):
	@test -x $@ || echo "building the task runner (some 20 s where nothing is cached)"
	@$(BUILD) -o $@ ./house/task
