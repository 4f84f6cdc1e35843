#!/usr/bin/env bash
# Builds the console's pages into server/console/dist: libraries by the lock file, types of the
# documented API, a check of all types, the bundle. With --check it fails when what is committed is
# not what its source makes, and leaves the tree alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
at=server/console

libraries() {
  local stamp=$at/node_modules/.lock-sum sum
  sum=$(sha256sum <$at/package-lock.json)
  [ "$(cat $stamp 2>/dev/null)" = "$sum" ] && return 0
  (cd $at && npm ci --no-audit --no-fund --ignore-scripts)
  echo "$sum" >$stamp
}

case "${1:-}" in
  '')
    libraries
    # Without a bundle the server, whose document the types are made from, does not compile.
    [ -e $at/dist/manifest.json ] || { mkdir -p $at/dist && echo '{}' >$at/dist/manifest.json; }
    go run ./$at/apitypes -o $at/src/api-types.ts
    (cd $at && node_modules/.bin/tsc --noEmit)
    go run ./$at/build -root $at -o dist
    ;;
  --check)
    libraries
    (cd $at && node_modules/.bin/tsc --noEmit)
    out=$PWD/.check/console
    rm -rf "$out"
    go run ./$at/build -root $at -o ../../.check/console
    diff -rq $at/dist "$out" || { echo 'dist is not what its source makes: type make console'; exit 1; }
    ;;
  *) echo "console.sh: unknown option $1; the only one is --check" >&2; exit 2 ;;
esac
