import HoldfastEngine

/// The named roots of a heap. The catalogue is itself a map in the heap, from names to types and
/// places.
package struct RootCatalogue {
    private struct Record: BitwiseCopyable {
        /// The fingerprint of the type's description. Equal for equal types, so that the common
        /// case compares one word.
        var fingerprint: UInt64
        var description: StoredBytes
        var offset: UInt64
    }

    /// A catalogue record as the value of the map. It owns the description but not the root's
    /// contents, whose type only the caller knows.
    private struct RecordValue: Persistable {
        typealias Stored = Record
        var record: Record

        static func load(_ stored: Record, from access: HeapAccess) -> RecordValue {
            RecordValue(record: stored)
        }
        static func store(_ value: RecordValue, in access: HeapAccess) -> Record { value.record }
        static func destroy(_ stored: Record, in access: HeapAccess) {
            stored.description.free(in: access)
        }
        static var ownsMemory: Bool { true }

        static func verify(at offset: UInt64, in verification: inout some BlockVerifier) {
            RootCatalogue.verifyRecord(at: offset, in: &verification)
        }

        static func moveOwned(at place: UInt64, by mover: BlockMover) {
            let description = place + UInt64(MemoryLayout<Record>.offset(of: \.description)!)
            StoredBytes.move(at: description, by: mover)
            // Roots are relocated one by one.
            if mover.relocation != nil { return }
            let record = mover.target.load(place, as: Record.self)
            let text = RootCatalogue.described(record, mover.target).description
            guard let type = TypeRegistry.shared.type(describedAs: text) else {
                return mover.cannotGoOn = true
            }
            mover.move(type, at: place + UInt64(MemoryLayout<Record>.offset(of: \.offset)!))
        }

        static func describe() throws(HeapError) -> TypeDescription { TypeDescription("Root") }

        // Roots are exported one by one, and the catalogue never.

        static func encode(_ stored: Record, from access: HeapAccess, to encoder: any Encoder)
            throws
        {
            throw ExchangeProblem("the catalogue of roots is not a value")
        }

        static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Record {
            throw ExchangeProblem("the catalogue of roots is not a value")
        }
    }

    private let access: HeapAccess
    private let map: PersistentMap<String, RecordValue>?

    package init(_ access: HeapAccess) {
        self.access = access
        let offset = access.catalogue
        map = offset == 0 ? nil : PersistentMap(access: access, offset: offset)
    }

    /// Returns the place of the root, or nil if there is none with this name. Throws if it has
    /// another type, or if its conversion is unfinished. Not generic, so that it need not be
    /// specialised for every root type in every client.
    static func find(_ name: String, as type: any Persistable.Type, in access: HeapAccess)
        throws(HeapError) -> UInt64?
    {
        guard let short = ShortName(name) else {
            return try RootCatalogue(access).find(name, as: type)
        }
        let hints = RootHints(access)
        let identifier = ObjectIdentifier(type)
        if let offset = hints.find(short, identifier) { return offset }
        let found = try RootCatalogue(access).find(name, as: type)
        if let found { hints.remember(short, identifier, at: found) }
        return found
    }

    private func find(_ name: String, as type: any Persistable.Type) throws(HeapError) -> UInt64? {
        let fingerprint = try TypeRegistry.shared.fingerprint(of: type)
        guard let record = map?[name]?.record else { return nil }
        guard record.fingerprint == fingerprint else {
            let stored = Self.described(record, access).description
            let requested = try type.describe()
            throw HeapError.rootTypeMismatch(
                path: access.heapPath, name: name, stored: stored, requested: requested.text,
                difference: requested.difference(fromStored: stored))
        }
        // A part of the root is still under another name.
        if contains(Self.remainderName(name)) {
            throw HeapError.conversionUnfinished(path: access.heapPath, name: name)
        }
        return record.offset
    }

    package func contains(_ name: String) -> Bool { map?.contains(name) ?? false }

    func add(_ name: String, as type: any Persistable.Type, at offset: UInt64) throws(HeapError) {
        add(
            name, describedAs: try type.describe().text, notes: TypeNotes.of(type),
            fingerprint: try TypeRegistry.shared.fingerprint(of: type), at: offset)
    }

    /// Adds a root of a type that this program may know only by an equivalent stored form, such as
    /// an array of another program's enum.
    package func add(
        _ name: String, describedAs text: String, notes: TypeNotes = TypeNotes(),
        fingerprint: UInt64, at offset: UInt64
    ) {
        access.catalogueWillChange()
        let map: PersistentMap<String, RecordValue>
        if let existing = self.map {
            map = existing
        } else {
            let stored = PersistentMap<String, RecordValue>.storeEmpty(in: access)
            access.catalogue = stored.offset
            map = .load(stored, from: access)
        }
        let description = String.store(text + notes.text, in: access)
        map.updateValue(
            RecordValue(
                record: Record(fingerprint: fingerprint, description: description, offset: offset)),
            forKey: name)
    }

    /// A root in the catalogue: the places of its key and its word, and its recorded type.
    package struct Entry {
        package let keyPlace: UInt64
        package let place: UInt64
        package let offset: UInt64
        package let description: String
        package var notes = TypeNotes()

        package init(keyPlace: UInt64, place: UInt64, offset: UInt64, description: String) {
            self.keyPlace = keyPlace
            self.place = place
            self.offset = offset
            self.description = description
        }
    }

    /// Returns the root with this name, of any type, or nil if there is none.
    package func entry(_ name: String) -> Entry? {
        guard let slot = map?.find(name) else { return nil }
        let record =
            UnsafeMutableRawPointer(slot) + MemoryLayout.offset(
                of: \MapSlot<StoredBytes, Record>.value)!
        let start = UInt64(UnsafeMutableRawPointer(slot) - access.context.pointee.base)
        let (description, notes) = Self.described(slot.pointee.value, access)
        var entry = Entry(
            keyPlace: start + UInt64(MemoryLayout.offset(of: \MapSlot<StoredBytes, Record>.key)!),
            place: UInt64(record - access.context.pointee.base)
                + UInt64(MemoryLayout<Record>.offset(of: \.offset)!),
            offset: slot.pointee.value.offset,
            description: description)
        entry.notes = TypeNotes(parsing: notes)
        return entry
    }

    /// The description of a root's type, and the notes that follow it.
    private static func described(_ record: Record, _ access: HeapAccess)
        -> (description: String, notes: Substring)
    {
        TypeNotes.split(String.load(record.description, from: access)) {
            TypeRegistry.fingerprint(of: $0) == record.fingerprint
        }
    }

    /// The descriptions of all roots, hidden ones too, by their names.
    var descriptions: [String: String] {
        guard let map else { return [:] }
        var found: [String: String] = [:]
        for (name, value) in map {
            found[name] = Self.described(value.record, access).description
        }
        return found
    }

    /// The names of all roots, hidden ones too.
    var names: [String] { map?.keys.sorted() ?? [] }

    /// The names of the record types that references in the roots may lead to, by the roots' types;
    /// nil if one of these cannot be read.
    var referencedTypes: Set<String>? {
        var found: Set<String> = []
        for text in Set(descriptions.values) where text.contains("Ref<") || text.contains("Shared<")
        {
            guard let shape = TypeShape(parsing: text) else { return nil }
            found.formUnion(shape.referencedTypes)
        }
        return found
    }

    /// The notes of all roots together. If two differ, one of them is taken.
    package var notes: TypeNotes {
        guard let map else { return TypeNotes() }
        let texts = map.map { _, value in
            Self.described(value.record, access).notes
        }
        return TypeNotes(parsing: texts.joined())
    }

    /// The names that belong to Holdfast itself, such as those of an unfinished migration.
    package var hiddenNames: [String] { map?.keys.filter { Self.isHidden($0, contains) } ?? [] }

    func rename(_ name: String, to newName: String) throws(HeapError) {
        try access.requireDeclared(newName)
        guard let map, let record = map[name]?.record else {
            throw HeapError.rootNotFound(path: access.heapPath, name: name)
        }
        if map.contains(newName) {
            Misuse.trap(
                "the root \"\(name)\" cannot be renamed to \"\(newName)\": another root has that "
                    + "name", in: MisuseScene(access, "WriteTransaction.renameRoot(_:to:)"))
        }
        access.catalogueWillChange()
        map.updateValue(RecordValue(record: record), forKey: newName)
        // The new entry owns the description now. It must not be freed with the old one.
        if let slot = map.find(name) {
            access.markDirty(address: slot, MemoryLayout.size(ofValue: slot.pointee))
            slot.pointee.value.description = StoredBytes()
        }
        map.removeValue(forKey: name)
    }

    func remove(_ name: String) {
        guard let map else { return }
        access.catalogueWillChange()
        map.removeValue(forKey: name)
        // Removing the last root also frees the catalogue, so that the heap is as empty as a new
        // one.
        if map.isEmpty {
            PersistentMap<String, RecordValue>.destroy(
                RelativePointer(offset: access.catalogue), in: access)
            access.catalogue = 0
        }
    }

    /// Moves the catalogue that the word at `place` leads to, and all roots.
    static func moveAll(at place: UInt64, by mover: BlockMover) {
        PersistentMap<String, RecordValue>.moveOwned(at: place, by: mover)
    }

    // MARK: Verifying

    /// Verifies the catalogue whose map is at `offset`, and every root that the walk selects.
    static func verify(at offset: UInt64, in verification: inout some BlockVerifier) {
        PersistentMap<String, RecordValue>.verify(mapAt: offset, in: &verification)
    }

    private static func verifyRecord(at place: UInt64, in verification: inout some BlockVerifier) {
        let before = verification.problemCount
        String.verify(
            at: place + UInt64(MemoryLayout<Record>.offset(of: \.description)!), in: &verification)
        let record = verification.load(place, as: Record.self)
        let rootPlace = place + UInt64(MemoryLayout<Record>.offset(of: \.offset)!)
        let isReadable = verification.problemCount == before && !verification.wasCancelled
        verification.verifyRoot(
            describedAs: isReadable
                ? described(record, verification.access).description : nil,
            fingerprint: record.fingerprint, placeAt: rootPlace)
    }

    package var all: [Root] {
        guard let map else { return [] }
        return map.compactMap { name, value in
            if Self.isHidden(name, contains) { return nil }
            return Root(
                name: name,
                type: TypeDescription(Self.described(value.record, access).description))
        }.sorted { $0.name < $1.name }
    }
}

extension HeapAccess {
    /// Returns the offset of the root with this name and type, or nil if there is none with this
    /// name.
    @usableFromInline
    func findRoot(_ name: String, as type: any Persistable.Type) throws(HeapError) -> UInt64? {
        try RootCatalogue.find(name, as: type, in: self)
    }

    /// Throws if the options declare the roots and this name is not among them.
    @usableFromInline
    func requireDeclared(_ name: String) throws(HeapError) {
        guard let names = declaredRoots, !names.contains(name),
            !name.hasPrefix(RootCatalogue.hiddenPrefix)
        else { return }
        throw HeapError.undeclaredRoot(
            path: heapPath, name: name, similar: SimilarName.find(name, among: names))
    }

    /// Adds a root for a program, which cannot use Holdfast's own names.
    @usableFromInline
    func addRoot(_ name: String, as type: any Persistable.Type, at offset: UInt64) throws(HeapError)
    {
        try requireFreeName(name)
        try RootCatalogue(self).add(name, as: type, at: offset)
    }

    func requireFreeName(_ name: String) throws(HeapError) {
        guard name.hasPrefix(RootCatalogue.hiddenPrefix) else { return }
        throw HeapError.badRootName(
            path: heapPath, name: name,
            reason: "names that begin with a zero character belong to Holdfast")
    }

    @usableFromInline
    package func removeRoot(_ name: String) { RootCatalogue(self).remove(name) }

    /// Returns the root for reading. Throws if there is none with this name.
    @usableFromInline
    func requireRoot(_ name: String, as type: any Persistable.Type) throws(HeapError) -> UInt64 {
        guard let offset = try findRoot(name, as: type) else {
            throw HeapError.rootNotFound(path: heapPath, name: name)
        }
        return offset
    }
}
