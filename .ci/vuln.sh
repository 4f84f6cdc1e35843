#!/usr/bin/env bash
# Looks the code and its modules up in the Go vulnerability database, for the platforms that we
# ship. Not a step of make check: it needs the network, and its answer changes without a commit.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CGO_ENABLED=0

mkdir -p .check/bin
(cd .ci/tools && go build -trimpath -o ../../.check/bin/govulncheck golang.org/x/vuln/cmd/govulncheck)
for goos in linux windows; do
  echo "== $goos"
  GOOS=$goos .check/bin/govulncheck ./...
done
