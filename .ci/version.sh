#!/usr/bin/env bash
# Prints the version that goes into the binaries: the tag when there is one, else the newest
# version in CHANGELOG.md (0.0.0 before the first release) and the commit.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if tag=$(git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null); then
  printf '%s\n' "${tag#v}"
  exit 0
fi
version=$(sed -nE 's/^## \[([0-9]+\.[0-9]+\.[0-9]+[^]]*)\].*/\1/p' CHANGELOG.md | head -n 1)
commit=$(git rev-parse --short=12 HEAD 2>/dev/null || true)
printf '%s%s\n' "${version:-0.0.0}" "${commit:++$commit}"
