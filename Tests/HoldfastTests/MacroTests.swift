import Foundation
import HoldfastEngine
import HoldfastInspection
import Testing
import TestSupport

@testable import Holdfast

/// Types with conformances that the macro writes.
enum Written {
    @Persistable
    struct Contact {
        var name: String, nick: String?
        var age = 3
        let limits: Optional<Int>
        var watched: Double = 1.0 {
            didSet { changes += 1 }
        }
        private(set) var changes = 0
        var upper: String { name.uppercased() + "}" }
        nonisolated(unsafe) static var shared = 7
        var `case`: Int8
        var payment: Payment
        var level: Level?
        var movement: Movement
        var friend: HeapRef<Contact>?
        var phones = PersistentArray<String>()
        #if os(Windows)
            var hidden = 3
        #else
            var größe = 1.5 {
                willSet {}
            }
        #endif
        var last: Bool!
    }

    @Persistable
    enum Payment: Equatable {
        case cash, cheque
        case card(String)
        case maybe(Int?)
        case transfer(iban: String, on: Date, `in`: Level)
        #if !os(Windows)
            indirect case `default`(first: Int8, Int)
        #endif
    }

    @Persistable enum Level: Int16 { case low = 3, high }
    @Persistable(.plain) struct Movement: Equatable { var item: Int32, delta: (Int8, Double?) }

    @Persistable enum Either<First: Persistable & Sendable, Second: Persistable & Sendable> {
        case first(First), second(Second)
    }
}

/// The same types with conformances written by hand.
enum ByHand {
    struct Contact: HeapRecord {
        var name: String, nick: String?
        var age = 3
        let limits: Optional<Int>
        var watched: Double = 1.0 {
            didSet { changes += 1 }
        }
        private(set) var changes = 0
        var `case`: Int8
        var payment: Payment
        var level: Level?
        var movement: Movement
        var friend: HeapRef<Contact>?
        var phones = PersistentArray<String>()
        var größe = 1.5 {
            willSet {}
        }
        var last: Bool!
    }

    enum Payment: HeapUnion, Equatable {
        case cash, cheque
        case card(String)
        case maybe(Int?)
        case transfer(iban: String, on: Date, in: Level)
        case `default`(first: Int8, Int)

        static let cases = [
            UnionCase("cash", Payment.cash), UnionCase("cheque", Payment.cheque),
            UnionCase("card", Payment.card) { if case .card(let text) = $0 { text } else { nil } },
            UnionCase("maybe", Payment.maybe) {
                if case .maybe(let number) = $0 { .some(number) } else { nil }
            },
            UnionCase("transfer", Payment.transfer) {
                if case .transfer(let iban, let day, let level) = $0 {
                    (iban, day, level)
                } else {
                    nil
                }
            },
            UnionCase("default", Payment.default) {
                if case .default(let first, let second) = $0 { (first, second) } else { nil }
            },
        ]
    }

    enum Level: Int16, HeapEnum { case low = 3, high }
    struct Movement: HeapStruct, Equatable { var item: Int32, delta: (Int8, Double?) }
}

extension Written.Movement {
    static func == (a: Self, b: Self) -> Bool { a.item == b.item && a.delta == b.delta }
}

extension ByHand.Movement {
    static func == (a: Self, b: Self) -> Bool { a.item == b.item && a.delta == b.delta }
}

/// Types whose conformances the macro has written: compared with those written by hand, and used.
@Suite(.progress) struct MacroTests {
    private func written(_ number: Int) -> Written.Contact {
        let payments: [Written.Payment] = [
            .cash, .cheque, .card("4000 0000 0000 0002, valid"), .maybe(nil), .maybe(5),
            .transfer(
                iban: "DE02120300000000202051", on: Date(timeIntervalSinceReferenceDate: 9),
                in: .high), .default(first: -1, .max),
        ]
        var contact = Written.Contact(
            name: "Ada \(number), of the long names", nick: number % 2 == 0 ? nil : "a",
            age: number, limits: number % 3 == 0 ? nil : number, case: Int8(number),
            payment: payments[number % payments.count], level: number % 2 == 0 ? .low : nil,
            movement: .init(item: Int32(number), delta: (1, number % 2 == 0 ? nil : 2.5)),
            friend: nil, last: number % 2 == 0)
        contact.watched = 2.5
        return contact
    }

    @Test func theDescriptionsAreTheSame() throws {
        #expect(try Written.Contact.describe() == ByHand.Contact.describe())
        #expect(try Written.Payment.describe() == ByHand.Payment.describe())
        #expect(try Written.Level.describe() == ByHand.Level.describe())
        #expect(try Written.Movement.describe() == ByHand.Movement.describe())
        #expect(
            RecordLayout.of(Written.Contact.self).tag == RecordLayout.of(ByHand.Contact.self).tag)
    }

    @Test func theFieldsAreThoseOfReflection() throws {
        let contact = written(1)
        let fields = try #require(Written.Contact.storedFields)
        #expect(fields.map(\.name) == Mirror(reflecting: contact).children.map(\.label))
        #expect(ByHand.Contact.storedFields == nil)
        let offsets = RecordLayout.of(Written.Contact.self).fields.map(\.memoryOffset)
        #expect(offsets == RecordLayout.of(ByHand.Contact.self).fields.map(\.memoryOffset))
        // Access to these runs the observers, so a key path gives no offset.
        #expect(fields.filter { $0.memoryOffset == nil }.map(\.name) == ["watched", "größe"])
    }

    /// What one form writes, the other reads, and the files do not differ.
    @Test func theBytesAreTheSame() throws {
        let folder = try TemporaryFolder()
        let path = folder.file()
        var heap = try PersistentHeap.open(path)
        try heap.write { tx in
            let contacts = try tx.map("contacts", Int.self, Written.Contact.self)
            for number in 0 ..< 100 { contacts[number] = written(number) }
            contacts[ref: 1]?.friend = contacts[ref: 2]
            contacts[ref: 1]?.phones.append("12")
            try tx.array("payments", of: Written.Payment.self).append(contentsOf: [
                .cash, .maybe(3),
            ])
        }
        #expect(try heap.check().isSound)
        try heap.close()
        let bytes = try folder.bytes()
        TypeRegistry.shared.forget(PersistentMap<Int, Written.Contact>.self)

        heap = try PersistentHeap.open(path)
        try heap.write { tx in
            let contacts = try tx.map("contacts", Int.self, ByHand.Contact.self)
            for number in 0 ..< 100 {
                let contact = try #require(contacts[number])
                let expected = written(number)
                #expect(contact.name == expected.name && contact.nick == expected.nick)
                #expect(contact.age == number && contact.limits == expected.limits)
                #expect(contact.watched == 2.5 && contact.changes == 1)
                #expect(
                    "\(contact.payment)"
                        == "\(expected.payment)".replacing("Written", with: "ByHand"))
                #expect(contact.level?.rawValue == expected.level?.rawValue)
                #expect(contact.movement.delta == expected.movement.delta)
                #expect(contact.größe == 1.5 && contact.last == expected.last)
                // The first ones keep their places, which others refer to.
                if number > 10 { contacts[number] = contact }
            }
            #expect(contacts[1]?.friend?.name == contacts[2]?.name)
            #expect(contacts[ref: 1]?.phones.count == 1)
            let payments = Array(try tx.array("payments", of: ByHand.Payment.self))
            #expect(payments == [.cash, .maybe(3)])
        }
        #expect(try heap.check().isSound)
        try heap.close()
        #expect(try folder.bytes().count == bytes.count)

        heap = try PersistentHeap.open(path)
        try heap.read { tx in
            let contacts = try tx.map("contacts", Int.self, Written.Contact.self)
            for number in 0 ..< 100 {
                let contact = try #require(contacts[number])
                #expect(contact.payment == written(number).payment)
                #expect(contact.movement == written(number).movement)
                #expect(contact.größe == 1.5 && contact.case == Int8(number))
            }
        }
        try heap.close()
    }

    @Test func everythingIsFreed() throws {
        let heap = try PersistentHeap.inMemory()
        let empty = try heap.audit()
        try heap.write { tx in
            let contacts = try tx.map("contacts", Int.self, Written.Contact.self)
            for number in 0 ..< 50 { contacts[number] = written(number) }
        }
        try heap.write { tx in
            _ = try tx.removeRoot("contacts", PersistentMap<Int, Written.Contact>.self)
        }
        try heap.checkpoint()
        #expect(try heap.audit() == empty)
    }

    @Test func genericUnions() throws {
        typealias Choice = Written.Either<String, Written.Either<Int, Bool>>
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let choices = try tx.array("choices", of: Choice.self)
            choices.append(contentsOf: [.first("a"), .second(.first(3)), .second(.second(true))])
        }
        let read = try heap.read { tx in try Array(tx.array("choices", of: Choice.self)) }
        #expect("\(read)" == "\([Choice.first("a"), .second(.first(3)), .second(.second(true))])")
        #expect(Choice.cases.map(\.name) == ["first", "second"])
        #expect(try heap.check().isSound)
    }

    /// A list of fields that does not fit the struct is refused.
    @Test func wrongLists() {
        struct Short: HeapRecord {
            var a: Int, b: Int
            static var storedFields: [RecordField]? { [RecordField("a", \Self.a)] }
        }
        struct Turned: HeapRecord {
            var a: Int, b: Int
            static var storedFields: [RecordField]? {
                [RecordField("b", \Self.b), RecordField("a", \Self.a)]
            }
        }
        struct Foreign: HeapRecord {
            var a: Int, b: Int
            static var storedFields: [RecordField]? { Turned.storedFields }
        }
        for type in [Short.self, Turned.self, Foreign.self] as [any HeapRecord.Type] {
            #expect(throws: HeapError.self) { try RecordLayout.make(type) }
        }
    }

    /// Generated declarations: for each, the compiler accepts the expansion, and the description
    /// and the places in memory are those that reflection finds for the same declaration with a
    /// conformance by hand.
    @Test func generatedDeclarations() throws {
        let count = TestExtent.choose(quick: 60, full: 1000)
        var source = "import Foundation\nimport Holdfast\n"
        var checks = ""
        for number in 0 ..< count {
            let declaration = RandomDeclaration(seed: UInt64(number))
            if declaration.isEnum {
                source += "@Persistable enum Written\(number)\(declaration.body)\n"
                checks += "print(Written\(number).cases.count, try Written\(number).describe())\n"
            } else {
                source += "enum Hand\(number) { struct Written\(number): HeapRecord"
                source += "\(declaration.body) }\n"
                source += "@Persistable struct Written\(number)\(declaration.body)\n"
                checks += """
                    let byHand\(number) = try Hand\(number).Written\(number).describe()
                    let written\(number) = try Written\(number).describe()
                    precondition(written\(number) == byHand\(number))
                    precondition(Written\(number).storedFields != nil)
                    print(try Written\(number).describe())

                    """
            }
        }
        source += "@main struct Main { static func main() throws {\n\(checks)} }\n"
        try runGenerated(source, printing: count)
    }

    /// Compiles a program and runs it; it prints so many lines.
    private func runGenerated(_ source: String, printing count: Int) throws {
        let folder = try TemporaryFolder()
        try folder.write(Data(source.utf8), to: "Written.swift")
        let arguments = [
            "swiftc", "-parse-as-library", "-suppress-warnings", "Written.swift", "-o", "written",
        ]
        let compiled = try CompilerRun.run(
            arguments + CompilerRun.moduleArguments + CompilerRun.objects, in: folder.path)
        try #require(compiled.status == 0, "\(compiled.output)")
        let ran = try CompilerRun.run([folder.file("written")], in: folder.path)
        #expect(ran.status == 0, "\(ran.output)")
        #expect(ran.output.split(separator: "\n").count == count)
    }

    /// Generated schemas: the compiler accepts the expansion, and a heap that is opened with it has
    /// the declared roots.
    @Test func generatedSchemas() throws {
        let count = TestExtent.choose(quick: 40, full: 1000)
        var source = "import Foundation\nimport Holdfast\n"
        var checks = ""
        for number in 0 ..< count {
            let schema = RandomDeclaration(seed: UInt64(number), isSchema: true)
            source += "@HeapSchema struct Schema\(number)\(schema.body)\n"
            checks += "try check(Schema\(number).self, \(schema.fields.map(\.name)))\n"
        }
        source += """
            func check<Schema: HeapSchema>(_ schema: Schema.Type, _ names: [String]) throws {
                let heap = try TypedHeap<Schema>.inMemory()
                let declared = Schema.declaredRoots.map(\\.name).sorted()
                precondition(Set(declared).isSubset(of: names))
                let found = try heap.heap.read { tx in tx.roots.map(\\.name).sorted() }
                precondition(found == declared)
                print(declared)
            }
            @main struct Main { static func main() throws {
            \(checks)} }

            """
        try runGenerated(source, printing: count)
    }

    /// The plug-in as a process: one answer for each message, and its end with the input's.
    @Test func thePlugInAnswers() throws {
        func frame(_ text: String) -> Data {
            withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian) { Data($0) } + Data(text.utf8)
        }
        func run(_ input: Data) throws -> (status: Int32, answers: [String]) {
            let process = Process()
            process.executableURL = productsFolder.appendingPathComponent("HoldfastMacros-tool")
            let (input, data) = (Pipe(), input)
            let output = Pipe()
            process.standardInput = input
            process.standardOutput = output
            try process.run()
            try input.fileHandleForWriting.write(contentsOf: data)
            try input.fileHandleForWriting.close()
            var rest = output.fileHandleForReading.readDataToEndOfFile()[...]
            process.waitUntilExit()
            var answers: [String] = []
            while rest.count >= 8 {
                let count = rest.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
                answers.append(String(decoding: rest.dropFirst(8).prefix(count), as: UTF8.self))
                rest = rest.dropFirst(8 + count)
            }
            return (process.terminationStatus, answers)
        }
        let source = #"{"expandAttachedMacro":{"declSyntax":{"source":"struct A { var a: Int }"}}}"#
        let messages = [#"{"getCapability":{}}"#, "", "no JSON", source, "{}"].map(frame)
        let ended = try run(messages.reduce(Data(), +))
        #expect(ended.status == 0 && ended.answers.count == messages.count, "\(ended)")
        #expect(ended.answers[0].contains("protocolVersion"))
        #expect(ended.answers[3].contains("extension A: Holdfast.HeapRecord"))
        #expect(try run(Data()).status == 0)
        // Cut off in the middle, or longer than any message.
        #expect(try run(frame("{}").dropLast()).answers == [])
        #expect(try run(Data(repeating: 0xff, count: 8)).status == 1)
    }
}
