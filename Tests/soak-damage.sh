#!/bin/sh
# Damages a million heaps, or as many as the first argument says, and prints a row of figures for
# Docs/Guarantees.md. Heaps that failed are kept in .build/damage;
# `test-worker damage --replay .build/damage/NUMBER` examines one again.
set -eu
cd "$(dirname "$0")/.."
count=${1:-1000000}
seed=${2:-$(date +%s)}
jobs=${3:-$(getconf _NPROCESSORS_ONLN)}
export SWIFT_BACKTRACE=enable=no
swift build -c release --product test-worker >&2
worker=$(swift build -c release --show-bin-path)/test-worker
keep=.build/damage
rm -rf "$keep"
mkdir -p "$keep"
start=$(date +%s)
job=0
status=0
pids=
while [ "$job" -lt "$jobs" ]; do
    nice "$worker" damage --count "$count" --seed "$seed" --job "$job" --jobs "$jobs" \
        --keep "$keep" >"$keep/job-$job.txt" 2>&1 &
    pids="$pids $!"
    job=$((job + 1))
done
for pid in $pids; do wait "$pid" || status=1; done
seconds=$(($(date +%s) - start))
grep -h -A 2 '^trial ' "$keep"/job-*.txt >&2 || true
sum() {
    awk -F': ' -v name="$1" '$1 == name { total += $2 } END { print total + 0 }' "$keep"/job-*.txt
}
printf '| damaged heaps | seed %s, %s in %s s' "$seed" "$count" "$seconds"
printf ' | %s refused at opening' "$(sum refused)"
printf ', %s found by the check' "$(sum foundByCheck)"
printf ', %s right data' "$(sum rightData)"
printf ', %s other data under repaired checksums' "$(sum otherData)"
printf ', %s errors while reading' "$(sum error)"
printf ', %s traps with a message' "$(sum trapped)"
printf ' | %s failures |\n' "$(sum failures)"
exit $status
