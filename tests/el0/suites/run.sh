#!/bin/bash
# SPDX-License-Identifier: MIT
# Real programs at EL0, with Linux's verdicts: tests/el0/suites/run.sh [LIST.tsv [run.py's options]]
#
# Fetches and builds what is missing (into build/suites, once), then runs LIST (shown.tsv) on the image. Without a list it is the suite
# of ./test: compares with expected.tsv. Skipped, with the reason, where packages cannot be had.
cd "$(dirname "$0")/../../.." || exit 1
B=${QUIRE_BUILD:-build}
dir=${QUIRE_SUITES:-$B/suites}
here=tests/el0/suites
mkdir -p "$dir"
bash $here/fetch.sh "$dir" || exit 1
if ! compgen -G "$dir/deb/busybox-static_*.deb" >/dev/null; then
	echo "0 passed, 0 failed, 1 skipped: no packages ($(head -n 1 "$dir/missing.tsv"))"
	exit 0
fi
bash $here/build.sh "$dir" || exit 1
if [ $# = 0 ]; then
	exec python3 $here/run.py --dir "$dir" --image "$B/arm64/quire.img" --expect $here/expected.tsv --only-expected --seconds 100 --total 1200 $here/shown.tsv $here/procfs.tsv $here/real.tsv $here/more.tsv
fi
exec python3 $here/run.py --dir "$dir" --image "$B/arm64/quire.img" "$@"
