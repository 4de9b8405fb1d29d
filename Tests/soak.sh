#!/usr/bin/env bash
# The long forms of the tests with real processes: 10,000 kills, a 1 GiB heap for ten readers, a
# memory budget of 256 MiB. Prints their figures as a table for Docs/Guarantees.md. Takes about ten
# minutes on two idle cores; HOLDFAST_KILLS and HOLDFAST_SEED change the storms.
#
#     Tests/soak.sh [release|debug]
set -euo pipefail
cd "$(dirname "$0")/.."
export SWIFT_BACKTRACE=enable=no HOLDFAST_TESTS=long
configuration=${1:-debug}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

options=(-c "$configuration")
[ "$configuration" = release ] && options+=(-Xswiftc -enable-testing)
swift build --build-tests "${options[@]}" >"$log" 2>&1 || { cat "$log"; exit 1; }

status=0
nice -n 10 swift test --skip-build "${options[@]}" --filter ProcessTests >"$log" 2>&1 || status=$?
grep -E "^✘" -A 12 "$log" || true

echo "| what | figure |"
echo "|---|---|"
# "FIGURE name: what = figure"
sed -n 's/^FIGURE \(.*\) = \(.*\)$/| \1 | \2 |/p' "$log"
exit "$status"
