#!/usr/bin/env bash
# Builds the reference pages of Holdfast and MemoryMapping in .build/reference, with docc from the
# toolchain. View a module's index.html through a web server, such as
# `python3 -m http.server -d .build/reference/Holdfast`. Fails if docc warns, if a public symbol has
# no documentation, or if a top-level symbol is in no topic of Sources/MODULE/MODULE.docc.
#
#     Docs/build-reference.sh [--no-build]
#
# With --no-build it reads the modules of the last debug build.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "${1:-}" = --no-build ] || swift build 2>&1 | tail -n 3
products=$(swift build --show-bin-path)
[ -e "$products/Modules/Holdfast.swiftmodule" ] || {
    echo "there are no modules in $products; run swift build first" >&2
    exit 2
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
swiftc -swift-version 6 -o "$work/symbol-graphs" Tests/Support/SymbolGraphs/main.swift
target=$(swiftc -print-target-info |
    sed -n 's/^ *"unversionedTriple": "\(.*\)",*$/\1/p' | head -n 1)

# extract FOLDER MODULE
extract() {
    mkdir -p "$1"
    swift symbolgraph-extract -module-name "$2" -target "$target" -minimum-access-level public \
        -skip-inherited-docs -output-dir "$1" -I "$products/Modules" -I Sources/CHoldfast/include \
        -Xcc "-fmodule-map-file=$products/CHoldfast.build/module.modulemap"
}

status=0
# document MODULE [ENGINE]
document() {
    local module=$1 graphs="$work/$1" log="$work/$1.log"
    extract "$graphs" "$module"
    [ -z "${2:-}" ] || extract "$graphs" "$2"
    "$work/symbol-graphs" "$graphs" "$module" "Sources/$module/$module.docc" ${2:-} || status=1
    mkdir -p .build/reference
    docc convert "Sources/$module/$module.docc" --additional-symbol-graph-dir "$graphs" \
        --output-path ".build/reference/$module" --fallback-display-name "$module" \
        --fallback-bundle-identifier "holdfast.$module" >"$log" 2>&1 || { cat "$log"; exit 1; }
    if grep -E "warning:|error:" "$log" >/dev/null; then
        cat "$log"
        echo "docc warns about $module"
        status=1
    fi
}

document MemoryMapping
document Holdfast HoldfastEngine
document HoldfastInspection HoldfastEngine
[ $status = 0 ] && echo "the reference is in .build/reference"
exit $status
