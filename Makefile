# Short names for the steps of .ci/run, which says what each one does.
.PHONY: all quick build format lint test race heavy fuzz bench vulnerabilities docs measure install

all: ; .ci/run
quick: ; .ci/run --quick
build: ; .ci/run build
format: ; .ci/run format
lint: ; .ci/run tidy vet lint
test: ; .ci/run test
race: ; .ci/run race
heavy: ; .ci/run heavy
fuzz: ; .ci/run fuzz
bench: ; .ci/run bench
vulnerabilities: ; .ci/run vulnerabilities
# CI only looks whether the generated pages are current; this writes them again.
docs: ; UPDATE_DOCS=1 .ci/run docs

# What CI does not do: compare with other tools, install.
measure: ; bench/listen && bench/send && bench/ui && bench/shard
install: ; go install ./cmd/relayctl
