#!/bin/bash
# Makes what a release consists of in build/release-VERSION: a tag, the source archive, the packages, the image, and their
# checksums. Publishing them is not done here.
#
#   scripts/release.sh VERSION              checks, builds, and tags the commit
#   scripts/release.sh VERSION --dry-run    the same without the tag; the tree and the changelog may be unfinished
#   --without-image                         no image
#
# It expects: a clean tree, VERSION in CMakeLists.txt, and a section "## [VERSION] - YYYY-MM-DD" in CHANGELOG.md.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

fail() { echo "release.sh: $1" >&2; exit "${2-1}"; }

version='' dry='' image=yes
while (($# > 0)); do
    case "$1" in
        --dry-run) dry=yes ;;
        --without-image) image= ;;
        -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' scripts/release.sh; exit 0 ;;
        -*) fail "unknown option '$1'; there are --dry-run and --without-image" 2 ;;
        *) [[ -z $version ]] || fail "one version at a time" 2; version=$1 ;;
    esac
    shift
done
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "say which version: scripts/release.sh 0.1.0" 2

faults=()
grep -q "^project(gatherd VERSION $version " CMakeLists.txt || faults+=("CMakeLists.txt has another version")
grep -Eq "^## \[$version\] - [0-9]{4}-[0-9]{2}-[0-9]{2}$" CHANGELOG.md || faults+=("CHANGELOG.md has no section '## [$version] - YYYY-MM-DD'")
[[ -z $(git status --porcelain) ]] || faults+=("the tree has changes that are not committed")
! git rev-parse --quiet --verify "refs/tags/v$version" >/dev/null || faults+=("the tag v$version is there already")
engine=
for each in docker podman; do
    if [[ -z $engine ]] && "$each" info >/dev/null 2>&1; then engine=$each; fi
done
[[ -n $engine || -z $image ]] || faults+=("neither docker nor podman works here: --without-image leaves the image out")
for each in "${faults[@]}"; do echo "release.sh: $each" >&2; done
[[ ${#faults[@]} -eq 0 || -n $dry ]] || exit 1
[[ -n $engine ]] || image=

out=build/release-$version
rm -rf "$out" && mkdir -p "$out"
commit=$(git rev-parse HEAD)
SOURCE_DATE_EPOCH=$(git show --no-patch --format=%ct "$commit")
export SOURCE_DATE_EPOCH  # the archive and the packages have the commit's time

echo "== source archive"
git archive --prefix="gatherd-$version/" "$commit" | gzip -9n >"$out/gatherd-$version.tar.gz"

echo "== packages, from that archive"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -C "$work" -xzf "$out/gatherd-$version.tar.gz"
"$work/gatherd-$version/scripts/package.sh"
cp "$work/gatherd-$version"/build/package/*.deb "$out/"

if [[ -n $image ]]; then
    echo "== image"
    "$engine" build --tag "gatherd:$version" "$work/gatherd-$version"
    "$engine" save "gatherd:$version" | gzip -9n >"$out/gatherd-$version-image.tar.gz"
fi

(cd "$out" && sha256sum -- * >SHA256SUMS)
if [[ -z $dry ]]; then
    git tag --annotate --message "gatherd $version" "v$version" "$commit"
    echo "== tagged v$version; to publish: git push origin v$version, and the files of $out"
fi
ls -l "$out"
