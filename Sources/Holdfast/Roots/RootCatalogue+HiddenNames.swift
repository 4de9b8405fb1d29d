/// The names of Holdfast's own roots.
extension RootCatalogue {
    /// The prefix of names that belong to Holdfast itself. No list of roots shows them: the version
    /// of the data, the earlier types of a root and, while a root is being converted, its old form
    /// and the progress of the conversion. Programs cannot create such names, but earlier versions
    /// allowed it.
    package static let hiddenPrefix = "\0"

    /// The root that holds the version of the heap's data.
    package static let dataVersionName = hiddenPrefix + "version"

    /// Follows the prefix in the name of a conversion's cursor. The name of the converted root
    /// comes next.
    static let cursorPrefix = "cursor of "

    /// Follows the prefix in the name of what is left of a root that is being converted to its new
    /// type. The root's name comes next.
    private static let remainderPrefix = "remainder of "

    /// Follows the prefix in the name of the list of types that a root has had. The root's name
    /// comes next.
    private static let historyPrefix = "history of "

    /// Follows the prefix in the name of the version of a schema. The schema's name comes next.
    private static let schemaPrefix = "version of schema "

    static func cursorName(_ root: String) -> String { hiddenPrefix + cursorPrefix + root }
    static func remainderName(_ root: String) -> String { hiddenPrefix + remainderPrefix + root }
    static func schemaVersionName(_ schema: String) -> String {
        hiddenPrefix + schemaPrefix + schema
    }
    /// Returns the name of the schema whose version a hidden root holds, or nil if it holds none.
    static func schema(hiddenName name: String) -> String? {
        let prefix = hiddenPrefix + schemaPrefix
        return name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : nil
    }
    static func historyName(_ root: String) -> String { hiddenPrefix + historyPrefix + root }

    /// Whether a root of this name belongs to an unfinished migration.
    package static func isUnfinished(hiddenName name: String) -> Bool {
        name != dataVersionName && !name.hasPrefix(hiddenPrefix + historyPrefix)
            && schema(hiddenName: name) == nil
    }

    /// Returns the root whose unfinished migration a hidden name belongs to, or nil if it belongs
    /// to none.
    private static func unfinishedRoot(hiddenName name: String) -> String? {
        guard isUnfinished(hiddenName: name) else { return nil }
        let rest = name.dropFirst(hiddenPrefix.count)
        for prefix in [cursorPrefix, remainderPrefix] where rest.hasPrefix(prefix) {
            return String(rest.dropFirst(prefix.count))
        }
        return String(rest)
    }

    /// Returns the roots, sorted, that are in the middle of a migration or a conversion.
    package static func unfinishedRoots(among names: Set<String>) -> [String] {
        Set(
            names.compactMap { name in
                isHidden(name, names.contains) ? unfinishedRoot(hiddenName: name) : nil
            }
        ).sorted()
    }

    /// Returns whether the name is one of Holdfast's own, given the roots that `isThere` reports. A
    /// program's name that merely begins with the prefix is shown like any other.
    package static func isHidden(_ name: String, _ isThere: (String) -> Bool) -> Bool {
        guard name.hasPrefix(hiddenPrefix) else { return false }
        let rest = String(name.dropFirst(hiddenPrefix.count))
        return name == dataVersionName || isThere(rest)
            || [cursorPrefix, remainderPrefix, historyPrefix, schemaPrefix]
                .contains(where: rest.hasPrefix)
    }

    /// Returns the name under which tools that count bytes show a root: one of Holdfast's own is in
    /// parentheses, as in `(version)` and `(history of log)`.
    package static func shownName(_ name: String, _ isThere: (String) -> Bool) -> String {
        isHidden(name, isThere) ? "(\(name.dropFirst(hiddenPrefix.count)))" : name
    }

    /// Returns the name under which an export writes a root: one that can be imported.
    package static func exportedName(_ name: String) -> String {
        name.hasPrefix(hiddenPrefix) ? "\u{2400}" + name.dropFirst(hiddenPrefix.count) : name
    }
}
