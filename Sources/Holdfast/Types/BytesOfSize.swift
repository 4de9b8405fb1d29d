// Bytes of a size that is only known at run time, as generic parameters. Swift instantiates a
// generic type for them, with the layout of a type that the program does not have.

/// Bytes of some size and alignment.
package protocol BytesOfSize: BitwiseCopyable, Sendable {}

private struct NoBytes: BytesOfSize {}

extension UInt8: BytesOfSize {}
extension UInt16: BytesOfSize {}
extension UInt32: BytesOfSize {}
extension UInt64: BytesOfSize {}
extension SIMD2<UInt64>: BytesOfSize {}

/// Two parts, one after the other, with Swift's layout of a struct.
private struct Joined<First: BytesOfSize, Second: BytesOfSize>: BytesOfSize {
    var first: First
    var second: Second
}

/// Makes types of bytes.
package enum BytesMaker {
    /// Larger types are not created: their values pass through the stack, and the size may come
    /// from a damaged file.
    package static let mostBytes = 64 << 10

    /// Returns a type of exactly this size and alignment, or nil if there can be none.
    package static func type(size: Int, alignment: Int) -> (any BytesOfSize.Type)? {
        guard size >= 0, size <= mostBytes else { return nil }
        if size == 0 { return alignment == 1 ? NoBytes.self : nil }
        // Most of it in units of the alignment, the rest in ever smaller ones, so that each begins
        // at a multiple of its size.
        guard var unit = unitType(alignment), size >= alignment else { return nil }
        var rest = size / alignment
        var found: (any BytesOfSize.Type)?
        // Doubled units, from the largest down: a few dozen types for any number of bytes.
        var doubled: [any BytesOfSize.Type] = []
        while rest > 0 {
            doubled.append(unit)
            unit = join(unit, unit)
            rest >>= 1
        }
        for (power, part) in doubled.enumerated().reversed()
        where size / alignment & 1 << power != 0 {
            found = found.map { join($0, part) } ?? part
        }
        var left = size % alignment
        var smaller = alignment / 2
        while left > 0 {
            if left >= smaller, let part = unitType(smaller) {
                found = found.map { join($0, part) } ?? part
                left -= smaller
            }
            smaller /= 2
        }
        return found
    }

    private static func unitType(_ alignment: Int) -> (any BytesOfSize.Type)? {
        switch alignment {
        case 1: UInt8.self
        case 2: UInt16.self
        case 4: UInt32.self
        case 8: UInt64.self
        case 16: SIMD2<UInt64>.self
        default: nil
        }
    }

    private static func join(_ first: any BytesOfSize.Type, _ second: any BytesOfSize.Type)
        -> any BytesOfSize.Type
    {
        func join<First: BytesOfSize, Second: BytesOfSize>(_: First.Type, _: Second.Type)
            -> any BytesOfSize.Type
        {
            Joined<First, Second>.self
        }
        return join(first, second)
    }
}
