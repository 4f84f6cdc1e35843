#!/usr/bin/env bash
# Runs every TestMutation of the module: each changes its package's rules on purpose, one change at
# a time and through an overlay, and fails when a change goes unnoticed by the package's other
# tests. It takes minutes, so make check leaves it out.
# shellcheck disable=SC2046,SC2086 # lists of folders and packages: no name holds a space
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folders=$(grep -rlE --include='*_test.go' '^func TestMutation\(' $(ls -d server syncproto clientlib testdata 2>/dev/null) |
  sed 's#/[^/]*$##; s#^#./#' | sort -u)
[ -n "$folders" ] || { echo 'no TestMutation found' >&2; exit 1; }
THONSYNC_MUTATION=1 go test -count=1 -timeout 0 -v -run '^TestMutation$' $folders
