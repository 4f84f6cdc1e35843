#!/usr/bin/env bash
# The steps of make check, one function each, and the frame that runs them. Sourced by check.sh,
# which sets $logs.
# shellcheck disable=SC2046,SC2086,SC2154 # lists of folders and packages: no name holds a space

# ---- the frame ----

steps_start() {
  only=$* # the steps asked for; empty asks for all
  step_table=''
  started=$SECONDS
  lint_build_pid=''
  trap steps_stop EXIT
}

# asked tells whether a step is to run.
asked() { [ -z "$only" ] || [[ " $only " == *" $1 "* ]]; }

# record adds a row to the table of the end.
record() { step_table+=$(printf '%-14s %5d s  %s' "$1" "$2" "$3")$'\n'; }

# step NAME FUNCTION runs one step quietly; its log is printed when it fails.
step() {
  asked "$1" || return 0
  local name=$1 begun=$SECONDS status
  printf '%-14s ' "$name"
  set +e
  (set -euo pipefail; "$2") >"$logs/$name.log" 2>&1 </dev/null
  status=$?
  set -e
  finish "$name" $((SECONDS - begun)) "$status" "$logs/$name.log"
}

# step_shown is step for output that is worth reading as it comes.
step_shown() {
  asked "$1" || return 0
  local name=$1 begun=$SECONDS status
  echo "$name:"
  set +e
  (set -euo pipefail; "$2") 2>&1 </dev/null | tee "$logs/$name.log"
  status=${PIPESTATUS[0]}
  set -e
  printf '%-14s ' "$name"
  finish "$name" $((SECONDS - begun)) "$status" ''
}

finish() {
  local name=$1 seconds=$2 status=$3 log=$4
  if [ "$status" = 0 ]; then
    printf '%5d s  ok\n' "$seconds"
    record "$name" "$seconds" ok
    return
  fi
  printf '%5d s  FAILED\n' "$seconds"
  record "$name" "$seconds" FAILED
  if [ -n "$log" ]; then
    echo "---- $log, the last 400 lines"
    tail -n 400 "$log"
    echo "----"
  fi
  exit 1
}

steps_end() { all_passed=1; }

steps_stop() {
  local status=$?
  [ -z "$lint_build_pid" ] || kill -- "-$lint_build_pid" 2>/dev/null || true
  printf '\n%s' "$step_table"
  if [ "${all_passed:-}" = 1 ]; then
    printf '%-14s %5d s  %s passed\n' total $((SECONDS - started)) "${only:-every step}"
  else
    printf '%-14s %5d s  make check FAILED; the steps after the last line did not run\n' total $((SECONDS - started))
    [ "$status" != 0 ] || status=1
  fi
  exit "$status"
}

# written_yet PATH tells whether a part of the project exists. A part that the history knows must
# not vanish, so then its absence is a failure, not a reason to skip.
written_yet() {
  [ -e "$1" ] && return 0
  if [ -n "$(git log -1 --format=%h -- "$1" 2>/dev/null)" ]; then
    echo "$1 is in the history but not in the tree: bring it back, or take its step out of .ci/steps.sh"
    exit 1
  fi
  echo "$1 is not written yet"
  return 1
}

# ---- the steps ----

# SQLite is C made into Go: it locks in ways that the race detector cannot follow, and watching it
# makes every test of a store several times slower. Our own code around it is watched.
race_flags=(-gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false)

# Tested without the race detector, under which they take many minutes and show nothing new:
# imports reads files in one goroutine, and the parts that the demo plays with are watched by the
# tests of their own packages. The tests of the two programs start processes and derive keys slowly on purpose.
unraced='^thonsync/(server/(demo|imports|cmd/thonsync)|clientlib/cmd/thonfield)$'
unraced_tests='^(TestErasedIsGone|TestKeptFormats)$' # run by check_cuts: looking for a key at every octet is one loop

check_gofmt() {
  local list
  list=$(gofmt -s -l $(ls -d server syncproto clientlib testdata 2>/dev/null))
  [ -z "$list" ] || { echo "not formatted; type make fmt:"; echo "$list"; return 1; }
}

check_build() {
  local packages
  packages=$(.ci/packages.sh)
  go build $packages
  if written_yet server/cmd/thonsync/main.go && written_yet clientlib/cmd/thonfield/main.go; then make -s build; fi
}

check_vet() {
  local packages
  packages=$(.ci/packages.sh)
  go vet $packages
}

check_house() { go test -count=1 ./testdata/house/...; }

check_modules() { go mod verify; }

# Generated files are written anew in a copy of the tree and must come out the same.
check_generated() {
  # The notices list what the programs are built from, so both programs must exist.
  if written_yet server/cmd/thonsync/main.go && written_yet clientlib/cmd/thonfield/main.go; then .ci/generate.sh --check; fi
}

# The committed pages of the console are what their source makes, and their types hold.
check_console() { .ci/console.sh --check; }

# The console's pages in a real browser. Tested apart: the race detector makes the browser wait.
check_browser() { BROWSER=1 CHROMIUM=${CHROMIUM:-$(command -v chromium)} go test -count=1 -timeout 5m ./server/console/browser; }

check_build_windows() { GOOS=windows GOARCH=amd64 go build ./...; }

check_build_android() {
  ! written_yet clientlib/cmd/thonfield/main.go || GOOS=android GOARCH=arm64 go build -o /dev/null ./clientlib/cmd/thonfield
}

# What runs in a browser: the rules and the device.
check_build_wasm() {
  local packages=./syncproto/...
  if written_yet clientlib/doc.go; then packages+=' ./clientlib'; fi
  GOOS=js GOARCH=wasm go build $packages
}

check_test() {
  local packages
  packages=$(.ci/packages.sh --tests | grep -vE '/testdata/house|/server/console/browser$')
  CGO_ENABLED=1 go test -race "${race_flags[@]}" -skip "$unraced_tests" -p 2 -timeout 10m $(grep -vE "$unraced" <<<"$packages")
  go test -p 2 -timeout 10m $(grep -E "$unraced" <<<"$packages")
}

# The link cut after every single byte: thousands of exchanges, too slow under the race detector.
check_cuts() { go test -count=1 -timeout 10m -run '^(TestCutAtEveryByte|TestRandomKills|TestHostileClients|TestErasedIsGone|TestKeptFormats)$' ./server/e2e; }

lint_build_start() {
  asked lint || return 0
  set -m # its own process group, so that an early end takes its compilers along
  nice -n 15 .ci/lint.sh --build >"$logs/lint-build.log" 2>&1 </dev/null &
  lint_build_pid=$!
  set +m
}

# Waits for the build begun above when it is not done.
check_lint() { .ci/lint.sh; }

# The second client runs the vectors, and then delivers a record to the program as it is built.
check_jsclient() {
  written_yet testdata/jsclient/check.mjs && written_yet server/cmd/thonsync/main.go || return 0
  make -s build
  node testdata/jsclient/check.mjs --bin bin/thonsync
}

check_demo() { ! written_yet server/cmd/thonsync/main.go || make -s demo ONCE=1; }

# A promise broken on purpose must be noticed: the demo then fails and names it.
check_demo_break() {
  written_yet server/cmd/thonsync/main.go || return 0
  local promise promises
  promises=$(bin/thonsync demo --list-promises)
  [ -n "$promises" ] || { echo 'thonsync demo --list-promises names none'; return 1; }
  while read -r promise; do
    echo "== $promise"
    if make -s demo ONCE=1 BREAK="$promise" >.check/demo-break.log 2>&1; then
      cat .check/demo-break.log
      echo "the promise \"$promise\" was broken on purpose and the demo did not fail"
      return 1
    fi
    grep -E "^ *BROKEN +$promise( |\$)" .check/demo-break.log ||
      { cat .check/demo-break.log; echo "the demo failed without finding that \"$promise\" was broken"; return 1; }
  done <<<"$promises"
}
