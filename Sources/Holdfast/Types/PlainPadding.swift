@_spi(Reflection) import Swift

import Synchronization

/// The bytes of plain structs that belong to no field. What Swift leaves there comes from the
/// program's memory, and must not reach the file.
///
/// Enums and optionals count as fields, because Swift may keep their cases in any byte.
@usableFromInline
enum PlainPadding {
    /// Consecutive bytes. A list of them ends with an empty one.
    @frozen @usableFromInline
    struct Gap {
        @usableFromInline let offset: Int
        @usableFromInline let count: Int
    }

    @usableFromInline static let known = TypeTable<Gap>()

    /// Sets the padding of the value at `place` to zero.
    @inlinable @inline(__always)
    static func clear<Value: HeapStruct>(_ type: Value.Type, at place: UnsafeMutableRawPointer) {
        // Fields of single bytes lie side by side.
        guard type.hasPadding else { return }
        var gap = known.find(type) ?? find(type)
        while gap.pointee.count != 0 {
            (place + gap.pointee.offset).initializeMemory(
                as: UInt8.self, repeating: 0, count: gap.pointee.count)
            gap += 1
        }
    }

    /// The lists of types for which the table has no room are here only.
    private static let all = Mutex<[ObjectIdentifier: UInt]>([:])

    @usableFromInline @inline(never)
    static func find(_ type: any HeapStruct.Type) -> UnsafePointer<Gap> {
        all.withLock { all in
            let word = all[ObjectIdentifier(type)] ?? UInt(bitPattern: list(gaps(of: type)))
            all[ObjectIdentifier(type)] = word
            // The address of a list that is never freed.
            let found = UnsafePointer<Gap>(bitPattern: word).unsafelyUnwrapped
            known.add(type, found)
            return found
        }
    }

    private static func list(_ gaps: [Gap]) -> UnsafePointer<Gap> {
        let list = UnsafeMutablePointer<Gap>.allocate(capacity: gaps.count + 1)
        for (index, gap) in gaps.enumerated() { (list + index).initialize(to: gap) }
        (list + gaps.count).initialize(to: Gap(offset: 0, count: 0))
        return UnsafePointer(list)
    }

    private static func gaps(of type: Any.Type) -> [Gap] {
        var isUsed = [Bool](repeating: false, count: TypeFacts.size(of: type))
        markFields(of: type, at: 0, &isUsed)
        var gaps: [Gap] = []
        var end = 0
        while let start = isUsed[end...].firstIndex(of: false) {
            end = isUsed[start...].firstIndex(of: true) ?? isUsed.count
            gaps.append(Gap(offset: start, count: end - start))
        }
        return gaps
    }

    private static func markFields(of type: Any.Type, at offset: Int, _ isUsed: inout [Bool]) {
        var hasFields = false
        if !(type is any AnyOptional.Type) {
            _ = _forEachField(of: type) { _, fieldOffset, fieldType, _ in
                hasFields = true
                markFields(of: fieldType, at: offset + fieldOffset, &isUsed)
                return true
            }
        }
        guard !hasFields else { return }
        for byte in offset ..< offset + TypeFacts.size(of: type) { isUsed[byte] = true }
    }
}
