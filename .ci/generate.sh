#!/usr/bin/env bash
# Runs every go:generate directive. With --check it does so in a copy of the tree and fails, naming
# the difference, when a file that is committed is not what its generator writes.
# shellcheck disable=SC2046,SC2086 # lists of folders and packages: no name holds a space
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

generate() {
  local packages
  packages=$(.ci/packages.sh)
  go generate $packages
}

case "${1:-}" in
  '') generate; exit 0 ;;
  --check) ;;
  *) echo "generate.sh: unknown option $1; the only one is --check" >&2; exit 2 ;;
esac

if ! grep -rqE --include='*.go' '^//go:generate ' $(ls -d server syncproto clientlib testdata 2>/dev/null); then
  echo 'no go:generate directive found' >&2
  exit 1
fi
copy=.check/generated
rm -rf "$copy" "$copy.before"
mkdir -p "$copy"
git ls-files -z -co --exclude-standard | while IFS= read -r -d '' f; do [ ! -e "$f" ] || printf '%s\0' "$f"; done |
  tar -c --null -T - | tar -x -C "$copy"
cp -R "$copy" "$copy.before"
(cd "$copy" && generate)
diff -ru "$copy.before" "$copy" || { echo 'generated files are not what their generators write; type make generate'; exit 1; }
rm -rf "$copy" "$copy.before"
