#!/bin/sh
# Makes the files of Tests/Golden anew, with the heaps that every later version must read. Only for as long as the version of the format they are of is
# not released: afterwards files are added for what is new, and those that are there stay as they are.
set -eu
cd "$(dirname "$0")/.."
swift build --product test-worker
worker="$(swift build --show-bin-path)/test-worker"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
export SWIFT_BACKTRACE=enable=no
"$worker" golden rest "$work"
for name in killed torn; do
    status=0
    "$worker" golden "$name" "$work" || status=$?
    # 128 and 9, the number of SIGKILL: the process has ended itself.
    if [ "$status" -ne 137 ]; then echo "test-worker golden $name ended with $status" >&2; exit 1; fi
done
mkdir -p Tests/Golden
"$worker" golden pack "$work" Tests/Golden
ls -l Tests/Golden
