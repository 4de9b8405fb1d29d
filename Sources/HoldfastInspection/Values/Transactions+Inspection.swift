import Foundation
import Holdfast
import HoldfastEngine

extension HeapTransaction where Self: ~Copyable {
    /// Returns the root with this name, of any type, or nil if there is none. Throws
    /// `HeapError.unknownType(path:name:type:)` if the description of its type is incomplete.
    package func place(ofRoot name: String) throws(HeapError) -> ValuePlace? {
        try access.place(ofRoot: name)
    }

    /// Returns the contradictions in a root and everything that it leads to. If there are none,
    /// reading it cannot trap. O(size of its contents).
    package func problems(inRoot name: String) -> [String] {
        RunTimeTypes.install()
        var verification = Verification(access)
        verification.onlyRoot = name
        verification.followRoots()
        return verification.problems
    }
}

extension WriteTransaction {
    /// Creates a root of a type that is known only by its shape: a collection, or `Value<…>` for a
    /// single value. Throws `HeapError.rootExists(path:name:)`,
    /// `HeapError.unknownType(path:name:type:)`, and ``InspectionProblem`` if the value does not
    /// fit the type.
    package func makeRoot(_ name: String, _ shape: TypeShape, _ value: PlainValue) throws {
        let catalogue = RootCatalogue(access)
        if catalogue.contains(name) {
            throw HeapError.rootExists(path: access.heapPath, name: name)
        }
        if name.hasPrefix(RootCatalogue.hiddenPrefix) {
            throw InspectionProblem("names of roots must not begin with a zero character")
        }
        let text = shape.text
        guard let type = RunTimeTypes.registry.type(describedAs: text) as? any LineStreamable.Type
        else {
            throw HeapError.unknownType(path: access.heapPath, name: name, type: text)
        }
        let notes = catalogue.notes
        let value = try value.resolved(as: shape, notes)
        if let problem = value.problem(as: shape) { throw InspectionProblem(problem) }
        let decoder = PlainDecoder(value, userInfo: [Exchange.userInfoKey: ImportedRecords(access)])
        let place = try Self.make(type, decoder, access)
        // Again, since the first root creates the catalogue.
        RootCatalogue(access).add(
            name, describedAs: text, notes: notes.part(for: shape),
            fingerprint: TypeRegistry.fingerprint(of: text), at: place)
    }

    private static func make<Value: LineStreamable>(
        _: Value.Type, _ decoder: PlainDecoder, _ access: HeapAccess
    ) throws -> UInt64 {
        try Value.decode(from: decoder, in: access).offset
    }

    /// Removes a root of any type, and frees its contents. Returns whether there was one. Throws
    /// `HeapError.unknownType(path:name:type:)` if the description of its type is incomplete.
    @discardableResult
    package func removeRoot(named name: String) throws(HeapError) -> Bool {
        guard let entry = RootCatalogue(access).entry(name) else { return false }
        guard
            let type = RunTimeTypes.registry.type(describedAs: entry.description)
                as? any LineStreamable.Type
        else {
            throw HeapError.unknownType(path: access.heapPath, name: name, type: entry.description)
        }
        Self.destroy(type, at: entry.offset, access)
        access.removeRoot(name)
        return true
    }

    private static func destroy<Value: LineStreamable>(
        _: Value.Type, at offset: UInt64, _ access: HeapAccess
    ) {
        Value.destroy(Value.Stored(offset: offset), in: access)
    }
}

extension HeapAccess {
    func place(ofRoot name: String) throws(HeapError) -> ValuePlace? {
        guard let entry = RootCatalogue(self).entry(name) else { return nil }
        guard let type = RunTimeTypes.registry.type(describedAs: entry.description),
            type is any LineStreamable.Type
        else {
            throw HeapError.unknownType(path: heapPath, name: name, type: entry.description)
        }
        // A new value may have another place.
        if isWritable { catalogueWillChange() }
        return ValuePlace(self, type, at: entry.place, entry.notes)
    }
}
