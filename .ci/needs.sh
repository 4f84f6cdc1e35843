#!/usr/bin/env bash
# The tools that the checks need: found, installed (root on Debian or Ubuntu), or named together
# with the command that installs them. Sourced by the other scripts.

node_least=18

has_c()    { printf '#include <stdlib.h>\nint main(void){return 0;}\n' | cc -xc -o /dev/null - 2>/dev/null; }
has_git()  { git --version >/dev/null 2>&1; }
has_node() { [ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -ge "$node_least" ]; }
has_npm()  { npm --version >/dev/null 2>&1; }
# The browser of the console's tests; CHROMIUM names another one.
has_chromium() { "${CHROMIUM:-chromium}" --version >/dev/null 2>&1; }
# From go 1.21 on, the go command fetches the release that go.mod asks for; an older one cannot.
has_go()   { go env GOVERSION >/dev/null 2>&1 && go list -m >/dev/null 2>&1; }

# missing_packages prints the Debian packages of what is missing, one a line.
missing_packages() {
  has_c    || printf 'gcc\nlibc6-dev\n'
  has_git  || printf 'git\n'
  has_node || printf 'nodejs\n'
  has_npm || printf 'npm\n'
  has_chromium || printf 'chromium\n'
}

on_debian() {
  [ -r /etc/os-release ] && command -v apt-get >/dev/null &&
    grep -qE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release
}

# check_needs makes the tools available or fails, saying exactly what to type.
check_needs() {
  if ! has_go; then
    echo "go: $(sed -n 's/^go //p' go.mod) or later is needed (or any go from 1.21 on with the module proxy in reach)."
    echo "Install it from https://go.dev/dl/ and put its bin folder on PATH."
    go version 2>&1 || true
    return 1
  fi
  local packages
  packages=$(missing_packages | tr '\n' ' ')
  if [ -n "$packages" ]; then
    if [ "$(id -u)" != 0 ] || ! on_debian; then
      echo "Missing: a C compiler (for go test -race), git, node $node_least or later, npm, or chromium (for the console). On Debian and Ubuntu type:"
      echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends $packages"
      return 1
    fi
    # shellcheck disable=SC2086 # one word per package
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages; } </dev/null
    packages=$(missing_packages | tr '\n' ' ')
    if [ -n "$packages" ]; then
      echo "Still missing or too old after installing: $packages"
      echo "node must be $node_least or later: $(node --version 2>&1 || true)"
      return 1
    fi
  fi
  go version
  echo "node $(node --version), npm $(npm --version), $("${CHROMIUM:-chromium}" --version 2>/dev/null), $(cc --version | head -n 1), $(git --version)"
}
