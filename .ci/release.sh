#!/usr/bin/env bash
# release.sh VERSION builds both programs for every platform into dist/, static, without paths of
# this machine in them, and writes SHA256SUMS. The same commit gives the same bytes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=${1:?release.sh: the version is missing; use make release}
export CGO_ENABLED=0

rm -rf dist
mkdir -p dist
# build GOOS GOARCH PACKAGE
build() {
  local name suffix=''
  name=$(basename "$3")
  [ "$1" != windows ] || suffix=.exe
  echo "$name $1/$2"
  GOOS=$1 GOARCH=$2 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$version" \
    -o "dist/$name-$version-$1-$2$suffix" "$3"
}
for platform in linux/amd64 linux/arm64 windows/amd64; do
  build "${platform%/*}" "${platform#*/}" ./server/cmd/thonsync
  build "${platform%/*}" "${platform#*/}" ./clientlib/cmd/thonfield
done
build android arm64 ./clientlib/cmd/thonfield
cp LICENSE THIRD_PARTY_NOTICES.md dist/
sums=$(cd dist && sha256sum -- *)
printf "%s\n" "$sums" >dist/SHA256SUMS
cat dist/SHA256SUMS
