#!/bin/bash
# Builds the Debian packages gatherd and libgatherd-dev into build/package, and says what lintian finds in them.
#
#   scripts/package.sh      DEBFULLNAME and DEBEMAIL say who builds; else git's settings do
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

case "${1-}" in
    -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' scripts/package.sh; exit 0 ;;
esac

scripts/install-deps.sh build package
# As Debian's own tools take it.
name=${DEBFULLNAME:-$(git config user.name || echo nobody)}
address=${DEBEMAIL:-$(git config user.email || echo nobody@localhost)}
cmake -S . -B build/package -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF -DCMAKE_INSTALL_PREFIX=/usr \
    "-DGATHERD_MAINTAINER=$name <$address>" \
    -DCMAKE_INSTALL_SYSCONFDIR=/etc -DGATHERD_UNIT_DIR=/lib/systemd/system >/dev/null
cmake --build build/package --parallel "$(scripts/build-jobs.sh)"
(cd build/package && rm -f ./*.deb && cpack -G DEB >/dev/null)
# Where nobody said who builds, the address is no address, and that is all that may be wrong.
lintian --fail-on error --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog build/package/*.deb
ls -l build/package/*.deb
