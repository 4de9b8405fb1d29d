#!/usr/bin/env bash
# Two versions of the library with the same heaps: this working copy, and that of an earlier commit,
# which is built in a temporary worktree (minutes). Each makes heaps of all kinds that the other
# checks, exports and changes; at rest, after a kill, and while both have the heap open.
#
#     Tests/compatibility.sh COMMIT
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# = 1 ] || { sed -n '2,6p' "$0" >&2; exit 2; }
commit=$(git rev-parse --verify "$1^{commit}")
folder=$(mktemp -d)
trap 'jobs -p | xargs -r kill -9 2>/dev/null || true
      git worktree remove --force "$folder/source" 2>/dev/null || true
      rm -rf "$folder"' EXIT
export SWIFT_BACKTRACE=enable=no

build() {  # FOLDER: prints where its programs are
    for product in heap-repl holdfast; do
        swift build --package-path "$1" --product $product >&2
    done
    swift build --package-path "$1" --show-bin-path
}
git worktree add --quiet --detach "$folder/source" "$commit"
earlier=$(build "$folder/source")
present=$(build .)

fail() { echo "failed: $*" >&2; exit 1; }

# The contents as lines, without what only a newer version writes about them.
contents() {  # PROGRAMS HEAP
    "$1/holdfast" dump "$2" | sed -E 's/,"(schemaVersions|earlierTypes)":[^]}]*[]}]//g'
}

same() {  # WHAT HEAP: both versions find it sound, with the same contents
    local one other
    "$earlier/holdfast" check "$2" > /dev/null || fail "$1: the earlier version finds it unsound"
    "$present/holdfast" check "$2" > /dev/null || fail "$1: the present version finds it unsound"
    one=$(contents "$earlier" "$2")
    other=$(contents "$present" "$2")
    [ "$one" = "$other" ] || fail "$1: the contents differ: $(diff <(echo "$one") <(echo "$other"))"
}

make='stock = map<String, Int>()
stock["bolt"] = 120
stock["a name that is too long to be stored in place"] = -1
stock["e\u{301}"] = 5
log = array<Double>()
log.append(contentsOf: [1, 2.25, -0.0])
struct Point { x: Double, y: Double }
p = Point(x: 1, y: 2)
prices = sortedMap<Int, String>()
prices = [5: "washer", 12: "bolt", 19: "nut", 40: "hinge"]
words = set<String>()
words.insert("one")
queue = deque<Int>()
queue.append(7)'
change='stock["nut", default: 0] += 40
stock["\u{e9}"] = 6
stock["bolt"] = nil
log.append(3)
p.x += 1
prices[7] = "pin"
words.insert("two")
queue.append(8)'

# A process that has a heap open and takes lines from descriptor 9, until it is killed.
begin() {  # PROGRAMS HEAP
    rm -f "$folder/lines" "$folder/answers"
    mkfifo "$folder/lines"
    "$1/heap-repl" "$2" < "$folder/lines" > "$folder/answers" 2>&1 &
    process=$!
    exec 9> "$folder/lines"
}
say() {  # LINES, and wait until they have been answered
    printf '%s\n"answer %s"\n' "$1" "$2" >&9
    for _ in $(seq 200); do
        grep -q "answer $2" "$folder/answers" && return
        sleep 0.05
    done
    fail "no answer: $(cat "$folder/answers")"
}
end() {  # SIGNAL
    kill "-$1" $process 2> /dev/null || true
    exec 9>&-
    wait $process 2> /dev/null || true
}

for first in earlier present; do
    second=$([ $first = earlier ] && echo present || echo earlier)
    heap="$folder/$first.heap"
    "${!first}/heap-repl" "$heap" <<< "$make" > /dev/null || fail "the $first version makes a heap"
    same "made by the $first version" "$heap"
    "${!second}/heap-repl" "$heap" <<< "$change" > /dev/null || fail "the $second one changes it"
    same "changed by the $second version" "$heap"
    echo "at rest: made by the $first version, changed by the $second one"

    begin "${!first}" "$heap"
    say "$change" 1
    end KILL
    [ -e "$heap-log" ] || fail "a killed process left no log"
    "${!second}/holdfast" check "$heap" > /dev/null || fail "the $second version cannot recover"
    "${!second}/heap-repl" "$heap" <<< 'queue.append(9)' > /dev/null || fail "after a recovery"
    same "recovered by the $second version" "$heap"
    contents "$present" "$heap" | grep -q '^8$' || fail "the last commit before the kill is lost"
    echo "after a kill: left by the $first version, recovered by the $second one"

    begin "${!first}" "$heap"
    say 'queue.append(10)' 2
    if answer=$("${!second}/heap-repl" "$heap" <<< 'queue.append(11)' 2>&1); then
        say 'queue' 3
        grep -q '11' "$folder/answers" || fail "the $first version does not see a commit"
        echo "at once: begun by the $first version, shared with the $second one"
    else
        grep -q "another version\|newer" <<< "$answer" || fail "refused: $answer"
        echo "at once: begun by the $first version, refused to the $second one:"
        echo "    $answer"
    fi
    say 'queue.append(12)' 4
    end TERM
    same "after sharing" "$heap"
done
echo "passed with $commit"
