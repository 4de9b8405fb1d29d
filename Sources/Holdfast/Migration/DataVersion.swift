import HoldfastEngine

/// The version of a heap's data, 0 until it is set.
package enum DataVersion {
    package static func read(_ access: HeapAccess) throws(HeapError) -> Int {
        try number(access).value ?? 0
    }

    package static func set(_ version: Int, _ access: HeapAccess) throws(HeapError) {
        try number(access).set(version)
    }

    private static func number(_ access: HeapAccess) -> HiddenNumber {
        HiddenNumber(RootCatalogue.dataVersionName, in: access)
    }
}
