#!/usr/bin/env bash
# make check: every step that must pass before a commit. It stops at the first that fails, prints
# that step's log, and ends with a table of the steps and their seconds. A step is never left out
# because a tool is missing: needs installs it or says how.
#
# While working, .ci/check.sh NAME... runs only the named steps.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. .ci/needs.sh
. .ci/steps.sh

export CGO_ENABLED=0 # one build cache for build, vet and lint; only the race detector needs C
logs=.check/logs
rm -rf "$logs"
mkdir -p "$logs" .check/bin

steps_start "$@"
step needs check_needs
lint_build_start # the linter takes minutes to build the first time: let it fill idle moments
step gofmt check_gofmt
step build check_build
step vet check_vet
step house check_house
step modules check_modules
step generated check_generated
step console check_console
step build-windows check_build_windows
step build-android check_build_android
step build-wasm check_build_wasm
step_shown test check_test
step cuts check_cuts
step browser check_browser
step lint check_lint
step jsclient check_jsclient
step demo check_demo
step demo-break check_demo_break
steps_end
