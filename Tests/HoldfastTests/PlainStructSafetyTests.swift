import Foundation
import HoldfastEngine
import TestSupport
import Testing

@testable import Holdfast

/// To the compiler, addresses are plain bytes. A struct that contains one, at any depth, is refused
/// when a root of its type is first requested.
@Suite(.progress) struct PlainStructSafetyTests {
    private final class Thing {}

    private struct Node: HeapRecord { var value: Int }

    private struct WithRawPointer: HeapStruct { var it: UnsafeRawPointer }
    private struct WithPointer: HeapStruct { var it: UnsafeMutablePointer<Int>? }
    private struct WithBuffer: HeapStruct { var it: UnsafeBufferPointer<Int> }
    private struct WithRawBuffer: HeapStruct { var it: UnsafeMutableRawBufferPointer }
    private struct WithOpaquePointer: HeapStruct { var it: OpaquePointer }
    private struct WithUnmanaged: HeapStruct { var it: Unmanaged<Thing> }
    private struct WithUnowned: HeapStruct { unowned(unsafe) var it: Thing }
    private struct WithFunction: HeapStruct { var it: @convention(c) (Int) -> Int }
    private struct WithOptionalFunction: HeapStruct { var it: (@convention(c) () -> Void)? }
    private struct WithMetatype: HeapStruct { var it: Thing.Type }
    private struct WithAnyMetatype: HeapStruct { var it: Any.Type }
    private struct WithObjectIdentifier: HeapStruct { var it: ObjectIdentifier }
    private struct WithTuple: HeapStruct { var it: (Int, (Bool, UnsafeRawPointer)) }
    private struct WithInlineArray: HeapStruct { var it: InlineArray<2, UnsafeRawPointer> }
    private struct WithCStruct: HeapStruct { var it: iovec }
    private struct WithPayload: HeapStruct {
        enum Choice { case none, here(UnsafeRawPointer), there(Int) }
        var it: Choice
    }
    private struct WithOnlyPayload: HeapStruct {
        enum Choice { case here(Int, UnsafeRawPointer) }
        var it: Choice?
    }
    private struct WithGenericPayload: HeapStruct {
        enum Choice<Value: BitwiseCopyable> { case none, here(Value) }
        var it: Choice<UnsafeMutablePointer<Int>>
    }
    private struct Link: HeapRecord { var next: HeapRef<Node>? }
    private struct WithPlainRecord: HeapStruct { var it: Link }
    private struct WithHandle: HeapStruct { var it: PersistentArray<Int> }
    private struct WithOptionalHandle: HeapStruct { var it: PersistentMap<Int, Int>? }
    private struct WithReference: HeapStruct { var it: HeapRef<Node>? }
    private struct WithAccess: HeapStruct { var it: HeapAccess }
    private struct Outer: HeapStruct {
        struct Inner: HeapStruct { var it: UnsafeRawPointer? }
        var number: Int
        var inner: Inner?
    }

    private static let refused: [any HeapStruct.Type] = [
        WithRawPointer.self, WithPointer.self, WithBuffer.self, WithRawBuffer.self,
        WithOpaquePointer.self, WithUnmanaged.self,
        WithUnowned.self, WithFunction.self, WithOptionalFunction.self, WithMetatype.self,
        WithAnyMetatype.self,
        WithObjectIdentifier.self, WithTuple.self, WithInlineArray.self, WithCStruct.self,
        WithPayload.self, WithOnlyPayload.self,
        WithGenericPayload.self, WithPlainRecord.self,
        WithHandle.self, WithOptionalHandle.self, WithReference.self, WithAccess.self, Outer.self,
    ]

    private func reason(_ type: any HeapStruct.Type) throws -> String {
        let heap = try PersistentHeap.inMemory()
        func attempt<T: HeapStruct>(_ type: T.Type) throws {
            try heap.write { tx in _ = try tx.array("a", of: type) }
        }
        do {
            try attempt(type)
            return ""
        } catch HeapError.notStorable(_, let reason) {
            #expect(try heap.audit().usedBytes == 0)
            return reason
        }
    }

    @Test(arguments: refused.indices) func addressesAreRefused(number: Int) throws {
        let type = Self.refused[number]
        let reason = try reason(type)
        #expect(
            reason.contains("its field it") && reason.contains("has no meaning in another process"),
            "\(type): \(reason)")
    }

    /// A block allocated by the program has no root whose type would have been checked.
    @Test func blocksOfTheProgramsOwnAreCheckedToo() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try PersistentHeap.inMemory().write { tx in
                var number = 1
                withUnsafePointer(to: &number) { pointer in
                    _ = tx.allocate(WithRawPointer(it: UnsafeRawPointer(pointer)))
                }
            }
        }
        let said = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(said.contains("its field it is a pointer"), "\(said)")
    }

    private struct Point: HeapStruct, Equatable { var x: Double; var y: Float? }
    private enum Level: UInt8, HeapEnum { case low, high }
    private enum Shape {
        case nothing
        case circle(Point, Double)
        case square(side: Point?)
        case level(Level)
    }
    private enum Wrapper<Value: BitwiseCopyable> { case one(Value), two(Value, Value) }
    private struct Rich: HeapStruct {
        var shape: Shape
        var wrapped: Wrapper<Point>?
        var level: Level
        var pair: (Int8, (UInt16, Bool))
        var row: InlineArray<3, Point>
        var place: RelativePointer<Point>
        var time: timespec
    }

    /// All types without addresses are accepted, including enums with payloads.
    @Test func whatHoldsNoAddressIsKept() throws {
        let heap = try PersistentHeap.inMemory()
        let point = Point(x: 1, y: 2)
        try heap.write { tx in
            let array = try tx.array("a", of: Rich.self)
            array.append(
                Rich(
                    shape: .circle(point, 3), wrapped: .two(point, point), level: .high,
                    pair: (1, (2, true)), row: [point, point, point], place: .null,
                    time: timespec(tv_sec: 1, tv_nsec: 2)))
        }
        try heap.read { tx in
            let read = try tx.array("a", of: Rich.self)[0]
            guard case .circle(point, 3) = read.shape, case .two(point, point) = read.wrapped else {
                Issue.record("\(read)")
                return
            }
            #expect(read.pair.1.0 == 2 && read.level == .high && read.row[2] == point)
        }
    }
}
