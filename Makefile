# The commands of the README. Everything they make lies in target/, ducat-data/, tests/out/ and tests/.tools/.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: run build test bench bench-quick bench-long build-bench clean

# The development profile, because a newcomer waits for the build and not for the gateway: docs/decisions/0009-build-profile.md has
# the figures. Dependencies are optimised a little in it, and `make test` uses the same build.
run:
	$(CARGO) build --locked -p ducat
	exec $(TARGET)/debug/ducat serve

# What is put on a server: optimised, stripped, one file.
build:
	$(CARGO) build --locked --release -p ducat
	@echo "$(TARGET)/release/ducat"

test:
	tests/install
	tests/run

# Full payments beside the bare SQL of the same payment: docs/benchmarks.md. ARGS="--only sqlite-32 --disk memory" measures a part.
bench: build-bench
	$(TARGET)/release/bench run --results bench/results --page README.md $(ARGS)

# A million payments, into bench/results/long-sqlite.json and the tables of the latest run. ARGS="--database postgres" for PostgreSQL.
bench-long: build-bench
	$(TARGET)/release/bench long --results bench/results $(ARGS)
	$(TARGET)/release/bench show --results bench/results --page README.md

# A minute or two, shown and not kept.
bench-quick: build-bench
	$(TARGET)/release/bench run --quick $(ARGS)

build-bench:
	$(CARGO) build --locked --release -p ducat -p ducat-bench

clean:
	$(CARGO) clean
	rm -rf tests/out tests/.tools tests/browser/node_modules tests/sdk/node/node_modules
