#!/bin/sh
# Makes the files of Tests/Golden, the heaps that every later version must read. For use until their
# version of the format is released: after that, files may be added, but none may change.
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
    # 128 and 9, the number of SIGKILL: the process has killed itself.
    if [ "$status" -ne 137 ]; then
        echo "test-worker golden $name ended with $status" >&2
        exit 1
    fi
done
mkdir -p Tests/Golden
"$worker" golden pack "$work" Tests/Golden
ls -l Tests/Golden
