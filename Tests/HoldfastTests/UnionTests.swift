import Foundation
import HoldfastEngine
import Testing
import TestSupport

@testable import Holdfast

private enum Payment: HeapUnion, Equatable {
    case cash
    case card(String)
    case transfer(iban: String, on: Date)
    case split([Part])

    struct Part: Codable, Equatable { var share: Double }

    static let cases = [
        UnionCase("cash", Payment.cash),
        UnionCase("card", Payment.card) { if case .card(let number) = $0 { number } else { nil } },
        UnionCase("transfer", Payment.transfer) {
            if case .transfer(let iban, let day) = $0 { (iban, day) } else { nil }
        },
        UnionCase("split", { (parts: Encoded<[Part]>) in Payment.split(parts.value) }) {
            if case .split(let parts) = $0 { Encoded(parts) } else { nil }
        },
    ]
}

private struct Order: HeapRecord {
    var payment: Payment
    var refund: Payment?
    var matrix: InlineArray<2, InlineArray<2, Double>>
}

private struct Theme: Codable, Equatable {
    var colours: [String: [Int]]
    var ratio: Double
}

/// Enums with payloads, encoded values and inline arrays: whole, nested, changed, and freed
/// completely.
@Suite(.progress) struct UnionTests {
    private let values: [Payment] = [
        .cash, .card("4000 0000 0000 0002, valid"),
        .transfer(iban: "DE02120300000000202051", on: Date(timeIntervalSinceReferenceDate: 9)),
        .split([.init(share: 0.25), .init(share: .infinity)]),
    ]

    @Test func casesComeBack() throws {
        let folder = try TemporaryFolder()
        let heap = try PersistentHeap.open(folder.file())
        let empty = try heap.audit()
        try heap.write { tx in
            let payments = try tx.array("payments", of: Payment.self)
            payments.append(contentsOf: values)
            let orders = try tx.map("orders", Int.self, Order.self)
            for (number, value) in values.enumerated() {
                orders[number] = Order(
                    payment: value, refund: number == 2 ? nil : value,
                    matrix: [[1, 2], [3, Double(number)]])
            }
        }
        try heap.write { tx in
            let payments = try tx.array("payments", of: Payment.self)
            let read = Array(payments)
            #expect(read == values)
            let orders = try tx.map("orders", Int.self, Order.self)
            for (number, value) in values.enumerated() {
                let order = try #require(orders[number])
                #expect(
                    order.payment == value && order.refund == (number == 2 ? nil : value)
                        && order.matrix[1][1] == Double(number))
                orders[ref: number]?.payment = values[(number + 1) % 4]
                payments[number] = values[(number + 3) % 4]
            }
            let changed = (orders[3]?.payment, payments[0])
            #expect(changed.0 == .cash && changed.1 == values[3])
            orders.removeAll()
            payments.removeAll()
            try tx.removeRoot("orders", PersistentMap<Int, Order>.self)
            try tx.removeRoot("payments", PersistentArray<Payment>.self)
        }
        try heap.checkpoint()
        #expect(try heap.audit() == empty)
    }

    @Test func theCasesAreRecorded() throws {
        let text = try Payment.describe().text
        #expect(
            text
                == "union Payment{cash: (), card: (String), transfer: (String, Date), split: (Encoded<Array<Part>>)}"
        )
        let shape = try #require(try Order.describe().shape)
        guard case .record("Order", let fields, _) = shape else {
            return #expect(Bool(false), "\(shape)")
        }
        #expect(fields.map(\.name) == ["payment", "refund", "matrix"])
        #expect(
            fields[2].type
                == .generic(
                    "InlineArray",
                    [.named("2"), .generic("InlineArray", [.named("2"), .named("Double")])]))
    }

    @Test func encodedValuesComeBack() throws {
        let folder = try TemporaryFolder()
        let heap = try PersistentHeap.open(folder.file())
        let empty = try heap.audit()
        let theme = Theme(colours: ["dark": [0, 0, 1], "light": [255]], ratio: -.infinity)
        try heap.write { tx in
            let themes = try tx.map("themes", String.self, Encoded<Theme>.self)
            themes["a"] = Encoded(theme)
            themes["b"] = Encoded(Theme(colours: [:], ratio: 1))
            try tx.array("numbers", of: Encoded<Int?>.self).append(contentsOf: [
                Encoded(5), Encoded(nil),
            ])
        }
        try heap.write { tx in
            let themes = try tx.map("themes", String.self, Encoded<Theme>.self)
            let read = themes["a"]?.value
            #expect(read == theme)
            let numbers = Array(try tx.array("numbers", of: Encoded<Int?>.self)).map(\.value)
            #expect(numbers == [5, nil])
            try tx.removeRoot("themes", PersistentMap<String, Encoded<Theme>>.self)
            try tx.removeRoot("numbers", PersistentArray<Encoded<Int?>>.self)
        }
        try heap.checkpoint()
        #expect(try heap.audit() == empty)
    }

    @Test func aCaseThatIsNotListed() async {
        enum Partial: HeapUnion {
            case listed, forgotten
            static let cases = [UnionCase("listed", Partial.listed)]
        }
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try PersistentHeap.inMemory().write { tx in
                try tx.array("a", of: Partial.self).append(.forgotten)
            }
        }
        let said = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(said.contains("does not list"))
    }

    /// Type descriptions are parsed back to what they describe; invalid ones are refused, however
    /// truncated or nested.
    @Test func shapesAreParsed() throws {
        let texts = [
            "Int", "Array<Int>", "Map<String, Array<Map<Int, Double?>>>", "enum Colour: Int16?",
            "Pair<Int, String>{a: Int @0; 8 bytes}",
            "(Int32, Bool){0: Int32 @0, 1: Bool @4; 5 bytes}", "Kind{1 bytes}",
            "record A{b: record C{d: A? @8; 24 bytes} @8; 16 bytes}",
            "union U{a: (), b: (Int, Array<String>)}", "record Empty{; 8 bytes}",
        ]
        for text in texts {
            #expect(TypeShape(parsing: text)?.text == text)
            // Every proper prefix except those that happen to be a description.
            for cut in 0 ..< text.count {
                if let shape = TypeShape(parsing: String(text.prefix(cut))) {
                    #expect(!shape.name.isEmpty)
                }
            }
        }
        for text in [
            "", "Array<", "Array<Int", "A{", "record A", "Int Int", "A{b: Int; 8 bytes}",
            "union U{a}", "?", "enum A: ", "A}",
        ] {
            #expect(TypeShape(parsing: text) == nil, "\(text)")
        }
        let isDeepOneRefused =
            TypeShape(parsing: String(repeating: "Array<", count: 100_000)) == nil
        #expect(isDeepOneRefused)
    }
}
