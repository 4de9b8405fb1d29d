#!/usr/bin/env bash
# The exhaustive forms of the tests: every call and every seed where `swift test` tries some. Runs
# the suites that have such a form, optimised, and prints their figures. Docs/Contributing.md says
# how long it takes.
#
#     Tests/full.sh [SUITE...]
set -euo pipefail
cd "$(dirname "$0")/.."
export SWIFT_BACKTRACE=enable=no HOLDFAST_TESTS=full
options=(-c release -Xswiftc -enable-testing)
suites=("$@")
if [ $# = 0 ]; then
    # A suite has the name of its file.
    mapfile -t suites < <(grep -rl TestExtent Tests/*Tests | xargs -n 1 basename -s .swift | sort)
fi
filter=$(IFS='|'; echo "${suites[*]}")

echo "building the tests in release"
swift build --build-tests "${options[@]}"
echo "running ${#suites[@]} suites: ${suites[*]}"
swift test --skip-build "${options[@]}" --filter "$filter"
