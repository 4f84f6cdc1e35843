#!/usr/bin/env bash
# Prints every Go package of the module, one import path a line. The pattern ./... leaves out
# testdata, so the packages below it are found by their files. --tests prints only those that
# have a test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

template='{{.ImportPath}}'
case "${1:-}" in
  --tests) template='{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ;;
  '') ;;
  *) echo "packages.sh: unknown option $1; the only one is --tests" >&2; exit 2 ;;
esac

below=$(find testdata -name '*.go' | sed 's#/[^/]*$##; s#^#./#' | sort -u)
# -e: a folder whose files are all left out by build constraints is no package on this platform.
# shellcheck disable=SC2086 # one word per folder
go list -e -f "{{if or .GoFiles .CgoFiles .TestGoFiles .XTestGoFiles}}$template{{end}}" ./... $below \
  | sed '/^$/d'
