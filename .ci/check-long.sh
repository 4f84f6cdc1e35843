#!/usr/bin/env bash
# What is too long for every commit: decoders fuzzed, provinces simulated with faults from several
# seeds, every test repeated in random order under the race detector, and the rules mutated.
# FUZZTIME, ROUNDS and SEED are those of the Makefile. Run it before a release.
# shellcheck disable=SC2046,SC2086 # lists of folders and packages: no name holds a space
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. .ci/steps.sh # race_flags

echo '== fuzz'
make -s fuzz FUZZTIME="${FUZZTIME:-60s}"

echo '== a register of 100,000 rows'
REGISTER_ROWS=100000 go test -count=1 ./server/reconcile/registers -run '^TestManyRows$'

echo '== torture'
seed=${SEED:-1}
for s in "$seed" $((seed + 1)) $((seed + 2)); do
  make -s torture SEED="$s" ROUNDS="${ROUNDS:-1000}"
  make -s torture SEED="$s" ROUNDS="${ROUNDS:-1000}" RESTORES=1
done

echo '== soak'
packages=$(.ci/packages.sh --tests | grep -v '/testdata/house')
CGO_ENABLED=1 go test -race "${race_flags[@]}" -count=5 -shuffle=on -p 2 -timeout 2h $packages

echo '== mutation'
make -s mutate
