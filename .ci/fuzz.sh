#!/usr/bin/env bash
# Fuzzes every target of the module in turn, FUZZTIME each (60s). A crasher is written to the
# package's testdata/fuzz: name it by its cause and commit it with the mend.
# shellcheck disable=SC2046,SC2086 # lists of folders and packages: no name holds a space
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
fuzztime=${FUZZTIME:-60s}

targets=$(grep -rE --include='*_test.go' '^func Fuzz[A-Z]' $(ls -d server syncproto clientlib testdata 2>/dev/null) |
  sed -E 's#/[^/]*_test\.go:func (Fuzz[A-Za-z0-9_]*).*# \1#' | sort -u)
[ -n "$targets" ] || { echo 'no fuzz target found: there must be one for every decoder' >&2; exit 1; }

# fuzz runs one target. On a busy machine the fuzzer may end with "context deadline exceeded" and no
# input: its workers did not stop in time. That is no finding, and the target runs once more.
fuzz() {
  local log status
  log=$(mktemp)
  for _ in 1 2; do
    status=0
    go test "./$1" -run '^$' -fuzz "^$2\$" -fuzztime "$fuzztime" -timeout 0 </dev/null 2>&1 | tee "$log" || status=1
    if [ $status = 0 ] || ! grep -q 'context deadline exceeded' "$log" || grep -q 'Failing input' "$log"; then break; fi
    echo "== $2 once more: its workers did not stop in time"
  done
  rm -f "$log"
  return $status
}

failed=''
while read -r folder target; do
  echo "== $target in $folder, $fuzztime"
  fuzz "$folder" "$target" || failed+="  $folder $target"$'\n'
done <<<"$targets"
[ -z "$failed" ] || { printf 'failed:\n%s' "$failed" >&2; exit 1; }
echo "$(wc -l <<<"$targets") targets, none failed"
