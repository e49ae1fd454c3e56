# `make help` lists the targets.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

GOLANGCI_LINT_VERSION := v2.15.0
LDFLAGS := -s -w
RELEASE := $(shell git describe --tags --exact-match 2>/dev/null || true)
ifneq ($(RELEASE),)
LDFLAGS += -X github.com/docker-pat/docker-pat/internal/buildinfo.release=$(RELEASE)
endif

.PHONY: help build deps test lint demo bench torture fuzz clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-8s %s\n", $$1, $$2}'

build: ## build the programs into bin/
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

deps: ## install what the tests need (root on Debian or Ubuntu; elsewhere it is named)
	@scripts/deps test

test: deps ## run all tests, with the race detector
	go test -race -timeout 20m ./...

lint: bin/tools/golangci-lint-$(GOLANGCI_LINT_VERSION) ## run the linters, for each system that is shipped
	go mod verify
	go mod tidy -diff
	$< run ./...
	GOOS=darwin go vet ./...
	GOOS=windows go vet ./...

bin/tools/golangci-lint-$(GOLANGCI_LINT_VERSION):
	GOBIN=$(CURDIR)/bin/tools go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	mv bin/tools/golangci-lint $@

demo: deps build ## play the main story on real components, in scratch folders
	@go run ./scripts/demo

bench: ## time the helper beside others, and print the ratios
	@scripts/deps bench
	@go run ./scripts/bench $(BENCHFLAGS)

torture: build ## kill the programs at random instants, fail the service, fill the disk; count what is lost
	@scripts/deps test
	@go run ./scripts/torture $(TORTUREFLAGS)

fuzz: ## fuzz each parser for FUZZTIME (default 60s)
	@scripts/fuzz $(or $(FUZZTIME),60s)

clean: ## remove what was built
	rm -rf bin dist
