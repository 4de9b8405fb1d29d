import Foundation
import Holdfast
import TestSupport
import Testing

/// Changing a collection during an iteration: setting and appending are allowed as long as nothing
/// moves; everything else traps with a message. No iteration silently skips elements or shows one
/// twice.
@Suite(.progress) struct ChangedWhileWalkedTests {
    private static func write(_ body: (borrowing WriteTransaction) throws -> Void) throws {
        try PersistentHeap.inMemory().write { try body($0) }
    }

    private func said(_ result: ExitTest.Result?) -> Bool {
        guard let result else { return false }
        let output = String(decoding: result.standardErrorContent, as: UTF8.self)
        return output.contains("were inserted or removed during iteration")
    }

    /// Each loop ends by itself if the trap is missing.
    @Test func arrays() async {
        var result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try Self.write { tx in
                let array = try tx.array("a", of: Int.self)
                array.append(contentsOf: 0 ..< 10)
                for _ in array { array.insert(7, at: 0) }
            }
        }
        #expect(said(result))
        // With its length unchanged at the next step, and in the same block.
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.write { tx in
                let array = try tx.array("a", of: Int.self)
                array.append(contentsOf: 0 ..< 10)
                for element in array {
                    array.removeElement(at: 0)
                    array.append(element)
                }
            }
        }
        #expect(said(result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.write { tx in
                let array = try tx.array("a", of: Int.self)
                array.append(contentsOf: 0 ..< 10)
                for _ in array { array.replaceSubrange(2 ..< 3, with: [1, 2]) }
            }
        }
        #expect(said(result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.write { tx in
                let array = try tx.array("a", of: Int.self)
                array.append(contentsOf: 0 ..< 10)
                for _ in array {
                    array.removeAll(keepingCapacity: true)
                    array.append(contentsOf: 0 ..< 10)
                }
            }
        }
        #expect(said(result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.write { tx in
                let array = try tx.array("a", of: Int.self)
                array.append(contentsOf: 0 ..< 10)
                for element in array where element == 3 {
                    array.removeAll { $0 == 3 }
                    array.append(11)
                }
            }
        }
        #expect(said(result))
    }

    @Test func deques() async {
        var result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try Self.write { tx in
                let deque = try tx.deque("d", of: Int.self)
                deque.append(contentsOf: 0 ..< 10)
                for element in deque where element % 2 == 0 { _ = deque.popFirst() }
            }
        }
        #expect(said(result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.write { tx in
                let deque = try tx.deque("d", of: Int.self)
                deque.append(contentsOf: 0 ..< 10)
                for element in deque { deque.prepend(element) }
            }
        }
        #expect(said(result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.write { tx in
                let deque = try tx.deque("d", of: Int.self)
                deque.append(contentsOf: 0 ..< 10)
                for element in deque {
                    deque.removeLast()
                    deque.append(element)
                }
            }
        }
        #expect(said(result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.write { tx in
                let deque = try tx.deque("d", of: Int.self)
                deque.append(contentsOf: 0 ..< 10)
                for element in deque where element == 4 {
                    deque.removeAll { $0 == 4 }
                    deque.insert(4, at: 2)
                }
            }
        }
        #expect(said(result))
    }

    @Test func textsAndBytes() async {
        var result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try Self.write { tx in
                let bytes = try tx.bytes("b")
                bytes.append(contentsOf: 0 ..< 100)
                for _ in bytes.chunks(of: 10) { bytes.removeSubrange(0 ..< 3) }
            }
        }
        #expect(said(result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.write { tx in
                let text = try tx.string("t")
                text.append("one\ntwo\nthree\n")
                for _ in text.lines { text.insert("0", at: 0) }
            }
        }
        #expect(said(result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.write { tx in
                let text = try tx.string("t")
                text.append("one\ntwo\nthree\n")
                for _ in text.characters.prefix(100) { text.removeSubrange(0 ..< 1) }
            }
        }
        #expect(said(result))
    }

    /// Permitted changes leave the iteration's elements exact.
    @Test func whatIsAllowed() throws {
        try Self.write { tx in
            let array = try tx.array("a", of: Int.self)
            array.append(contentsOf: 0 ..< 100)
            var seen: [Int] = []
            for element in array {
                seen.append(element)
                array.append(element)
                array[0] = 7
            }
            #expect(seen == Array(0 ..< 100) && array.count == 200)

            let deque = try tx.deque("d", of: Int.self)
            for number in (0 ..< 10).reversed() { deque.prepend(number) }
            seen = []
            for element in deque {
                seen.append(element)
                deque.append(contentsOf: [element, element])
                deque[0] = 7
            }
            #expect(seen == Array(0 ..< 10) && deque.count == 30)
            deque.append(contentsOf: deque)
            #expect(deque.count == 60)

            let text = try tx.string("t")
            text.append("a\nb\n")
            var lines: [String] = []
            for line in text.lines.prefix(4) {
                lines.append(line)
                text.append("c\n")
            }
            #expect(lines == ["a", "b", "c", "c"])
        }
    }

    /// An iteration of a bit set shows its old elements, whatever is inserted and removed.
    @Test func bitSets() throws {
        try Self.write { tx in
            let bits = try tx.bitSet("s")
            let numbers = stride(from: 0, to: 1000, by: 3)
            for number in numbers { bits.insert(number) }
            var seen: [Int] = []
            for number in bits {
                seen.append(number)
                bits.remove(number)
                bits.insert(number + 200)
            }
            #expect(seen == Array(numbers))
            seen = []
            for number in bits {
                seen.append(number)
                bits.remove(number)
            }
            #expect(bits.isEmpty && seen.last == 1199)
        }
    }
}
