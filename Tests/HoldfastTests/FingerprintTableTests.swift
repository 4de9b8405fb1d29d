import TestSupport
import Testing

@testable import Holdfast

/// The table of types that is read without a lock. Any object's identity can stand for a type's.
@Suite(.progress) struct FingerprintTableTests {
    private final class Thing {}

    @Test func findsWhatWasAddedAndNothingElse() {
        let table = FingerprintTable()
        let things = (0 ..< 300).map { _ in Thing() }
        for (number, thing) in things.enumerated() {
            #expect(table.find(ObjectIdentifier(thing)) == nil)
            table.add(ObjectIdentifier(thing), UInt64(number))
        }
        for (number, thing) in things.enumerated() {
            #expect(table.find(ObjectIdentifier(thing)) == UInt64(number))
        }
        // Entries that were displaced by these are still found.
        for thing in things.enumerated().filter({ $0.offset % 2 == 0 }).map(\.element) {
            table.remove(ObjectIdentifier(thing))
        }
        for (number, thing) in things.enumerated() {
            #expect(table.find(ObjectIdentifier(thing)) == (number % 2 == 0 ? nil : UInt64(number)))
        }
    }

    /// A full table accepts no more entries, and still ends every search.
    @Test func doesNotOverflow() {
        let table = FingerprintTable()
        let things = (0 ..< 2000).map { _ in Thing() }
        for (number, thing) in things.enumerated() {
            table.add(ObjectIdentifier(thing), UInt64(number))
        }
        let found = things.filter { table.find(ObjectIdentifier($0)) != nil }.count
        #expect(found == 384)
        #expect(table.find(ObjectIdentifier(things[0])) == 0)
    }
}
