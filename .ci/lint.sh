#!/usr/bin/env bash
# golangci-lint at the version of .ci/tools/go.mod, built once into .check/bin. With --build only
# builds it. Other arguments go to golangci-lint run; without any, the whole module is linted.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CGO_ENABLED=0 GOLANGCI_LINT_CACHE=$PWD/.check/lint-cache

mkdir -p .check/bin
stamp=$( { go env GOVERSION; cat .ci/tools/go.sum; } | sha256sum | cut -c1-16)
bin=$PWD/.check/bin/golangci-lint-$stamp

# One build at a time: a second caller waits for the first.
(
  if command -v flock >/dev/null; then flock 9; fi
  if [ ! -x "$bin" ]; then
    rm -f .check/bin/golangci-lint-*
    (cd .ci/tools && go build -trimpath -ldflags '-s -w' -o "$bin.new" github.com/golangci/golangci-lint/v2/cmd/golangci-lint)
    mv "$bin.new" "$bin"
  fi
) 9>.check/lint.lock

[ "${1:-}" != --build ] || exit 0
if [ $# -gt 0 ]; then exec "$bin" run "$@"; fi
below=$(find testdata -name '*.go' | sed 's#/[^/]*$##; s#^#./#' | sort -u)
# shellcheck disable=SC2086 # one word per folder
exec "$bin" run ./... $below
