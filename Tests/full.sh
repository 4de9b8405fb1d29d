#!/usr/bin/env bash
# The exhaustive forms of the tests: every call and every seed where `swift test` tries some. Runs
# the suites that have such a form. CONFIGURATION=release runs them optimised, after a build that
# takes much longer.
#
#     Tests/full.sh [SUITE...]
set -euo pipefail
cd "$(dirname "$0")/.."
export SWIFT_BACKTRACE=enable=no HOLDFAST_TESTS=full
options=(-c "${CONFIGURATION:-debug}")
[ "${CONFIGURATION:-debug}" = release ] && options+=(-Xswiftc -enable-testing)
suites=("$@")
if [ $# = 0 ]; then
    # A suite has the name of its file.
    mapfile -t suites < <(
        grep -rlE --include='*Tests.swift' 'TestExtent|ModelRun\(' Tests |
            xargs -n 1 basename -s .swift | sort)
fi
filter=$(IFS='|'; echo "${suites[*]}")

echo "building the tests"
swift build --build-tests "${options[@]}"
echo "running ${#suites[@]} suites: ${suites[*]}"
swift test --skip-build "${options[@]}" --filter "$filter"
