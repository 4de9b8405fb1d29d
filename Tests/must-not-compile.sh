#!/usr/bin/env bash
# Compiles each file of Tests/MustNotCompile against the modules that `swift build` has made. Each
# must be refused for the reason that it names: every error of the compiler must contain the text of
# one of the file's `// expected:` lines, and every such line must be met. Control.swift must
# compile. All of the compiler's checks run, not only the type checker: that a transaction is
# neither consumed nor sent to another thread is checked in the intermediate language.
#
#     Tests/must-not-compile.sh [debug|release]
set -euo pipefail
cd "$(dirname "$0")/.."
products=$(swift build -c "${1:-debug}" --show-bin-path)
if [ ! -e "$products/Modules/Holdfast.swiftmodule" ]; then
    echo "there are no modules in $products; run swift build first" >&2
    exit 2
fi

compile() {
    swiftc -swift-version 6 -parse-as-library -module-name MustNotCompile -emit-sil -o /dev/null \
        -I "$products/Modules" -I Sources/CHoldfast/include \
        -Xcc "-fmodule-map-file=$products/CHoldfast.build/module.modulemap" \
        -load-plugin-executable "$products/HoldfastMacros-tool#HoldfastMacros" "$1" 2>&1
}

status=0
complain() { echo "$1"; status=1; }

for file in Tests/MustNotCompile/*.swift; do
    output=$(compile "$file") && compiled=1 || compiled=0
    if [ "$(basename "$file")" = Control.swift ]; then
        [ $compiled = 1 ] || complain "$file must compile: $output"
        continue
    fi
    [ $compiled = 0 ] || { complain "$file must not compile"; continue; }
    # Not those inside of a macro's expansion, which repeat the errors at the macro's argument.
    errors=$(sed -n "s|^$file:.*: error: \(.*\)$|\1|p" <<<"$output")
    expectations=$(sed -n 's/^ *\/\/ expected: \(.*\)$/\1/p' "$file")
    [ -n "$expectations" ] || complain "$file expects nothing; the compiler says: $errors"
    while IFS= read -r expectation; do
        grep -qF -- "$expectation" <<<"$errors" ||
            complain "$file: the compiler does not say: $expectation; it says: $errors"
    done <<<"$expectations"
    while IFS= read -r error; do
        grep -qF -f <(printf '%s\n' "$expectations") <<<"$error" ||
            complain "$file: unexpected: $error"
    done <<<"$errors"
done
[ $status = 0 ] &&
    echo "all of $(ls Tests/MustNotCompile/*.swift | wc -l) files are treated as they should be"
exit $status
