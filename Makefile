# make run     build everything and start a server with the demo set on http://localhost:8080
# make test    every test: Go with the race detector, then browsers and telephones end to end
# make lint    formatting, static analysis, types
# make bench   calls per core, latency, memory a call, cost of registrations
# make soak    calls while strangers flood the SIP port
# make fuzz    every fuzz target for FUZZTIME (60s)
#
# Each installs what it needs on a Debian machine with Go and Node, and says what it installs.

MAKEFLAGS += --no-print-directory
FUZZTIME ?= 60s

.PHONY: run test lint bench soak fuzz build pages clean
.DEFAULT_GOAL := run

run: setup-run build
	./carillon serve --demo

test: setup-test check-generated build
	scripts/test-go
	npm --prefix test run --silent typecheck
	@CARILLON_TEST_MONGO=$$(scripts/mongo-for-tests 2>/dev/null || true) scripts/test-browser

lint: setup-lint pages
	scripts/lint

bench: build
	./carillon bench --suite
	go test -trimpath -run '^$$' -bench 'Registration|Scan' ./sipgw

soak: build
	./carillon bench --calls 50 --duration 30s --flood 5000

fuzz:
	FUZZTIME=$(FUZZTIME) scripts/fuzz

# The binary carries the pages' scripts and styles, so they come first.
build: pages
	CGO_ENABLED=0 go build -trimpath -o carillon .

pages:
	@scripts/npm-ci .
	@npm run --silent typecheck
	@log=$$(npm run --silent build 2>&1) || { echo "$$log"; exit 1; }

.PHONY: setup-run setup-test setup-lint check-generated
setup-run:
	@scripts/setup run

setup-test:
	@scripts/setup test
	@scripts/npm-ci test

setup-lint:
	@scripts/setup lint
	@scripts/npm-ci test

check-generated:
	@scripts/check-generated

clean:
	scripts/mongo-for-tests stop
	rm -rf carillon .cache test/artifacts node_modules test/node_modules static/dist/*
