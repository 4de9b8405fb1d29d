#!/bin/sh
# Makes the files of Tests/Golden anew, with the heaps that every later version must read. Only for as long as the version of the format they are of is
# not released: afterwards files are added for what is new, and those that are there stay as they are.
set -eu
cd "$(dirname "$0")/.."
swift build --product golden-maker
maker="$(swift build --show-bin-path)/golden-maker"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
export SWIFT_BACKTRACE=enable=no
"$maker" rest "$work"
for name in killed torn; do
    status=0
    "$maker" "$name" "$work" || status=$?
    # 128 and 9, the number of SIGKILL: the process has ended itself.
    if [ "$status" -ne 137 ]; then echo "golden-maker $name ended with $status" >&2; exit 1; fi
done
mkdir -p Tests/Golden
"$maker" pack "$work" Tests/Golden
ls -l Tests/Golden
