import Foundation
import Testing

@testable import Holdfast

extension GoldenTests {
    @Suite struct EncodingTests {
        /// The same value always has the same bytes, whatever the order of a dictionary in this
        /// process.
        @Test func whatIsEncodedIsTheSameEachTime() throws {
            let heap = try PersistentHeap.inMemory()
            let values = Dictionary(uniqueKeysWithValues: (0 ..< 50).map { ("key \($0)", $0) })
            let json = try heap.write { tx in
                let array = try tx.array("a", of: Encoded<[String: Int]>.self)
                array.append(Encoded(values))
                return array.access.load(array.elementOffset(0), as: StoredBytes.self).withBytes(
                    array.access
                ) { Data($0) }
            }
            let text = String(decoding: json, as: UTF8.self)
            #expect(
                text.hasPrefix(#"[{"key 0":0,"key 1":1,"key 10":10,"#)
                    && text.hasSuffix(#""key 9":9}]"#))
        }
    }
}
