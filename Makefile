# A bare `make` prints the targets. Nothing but Go is needed for generate, run, test and check's first half.
GO ?= go
CI_TIMEOUT ?= 15m

.PHONY: help
help: ## print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: generate
generate: ## generate every package anew (writes only what changed)
	$(GO) generate ./...

.PHONY: run
run: generate ## run the power example on the embedded broker, with input, and show what comes out
	CGO_ENABLED=0 $(GO) build -o bin/power ./examples/power/cmd/power
	$(GO) run ./examples/power/show -worker bin/power $(RUN_FLAGS)

.PHONY: run-kill
run-kill: ## the same, with a kill -9 in the middle
	$(MAKE) run RUN_FLAGS=-kill

.PHONY: test
test: ## run all tests that need nothing but Go
	CGO_ENABLED=0 $(GO) test ./...

.PHONY: check
check: ## what a change must pass: generated files, vet, staticcheck, formatting, links, the race detector (needs a C compiler)
	$(GO) run ./cmd/faustgen check ./...
	$(GO) vet ./...
	$(GO) vet -tags kafka ./examples/kafkatest
	$(GO) vet -tags faust_nodev ./runtime/cli
	$(GO) tool staticcheck ./...
	@files=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$files" || { echo "not gofmt-ed: $$files"; exit 1; }
	CGO_ENABLED=1 $(GO) test -race ./...

.PHONY: golden
golden: ## write the golden cases anew; review the diff
	$(GO) test ./golden -update

.PHONY: kafka
kafka: ## start a real Kafka broker of one node in .kafka (needs Java and Maven); stop it with .ci/kafka.sh stop --dir .kafka
	.ci/kafka.sh start --dir .kafka

.PHONY: kafka-test
kafka-test: ## run the examples on a real Kafka, which this starts and stops
	$(GO) test -tags kafka -count=1 -timeout $(CI_TIMEOUT) -v ./examples/kafkatest

.PHONY: bench
bench: ## measure beside Kafka Streams (about 15 minutes; needs Java and Maven)
	$(GO) run ./bench $(BENCH_FLAGS)

.PHONY: bench-gen
bench-gen: ## measure the generator: 40 packages in one run
	$(GO) run ./bench/gen -max 1s
