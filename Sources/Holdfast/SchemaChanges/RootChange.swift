import HoldfastEngine

/// The conversion of one root to the type that the program declares.
///
/// A small root, or one without elements, is converted in one transaction. Of a larger one, the old
/// collection is put aside under a hidden name and the new one grows in its place. Each transaction
/// moves some elements from one to the other. The heap holds all the state that the next one needs,
/// and each element is in one of the two at any time.
struct RootChange {
    let name: String
    private let type: any Persistable.Type
    private let stored: String
    private let form: FormConversion
    private let mover: (any ContentMover)?

    /// Throws ``SchemaChangeRefusal`` if there is no such conversion.
    init(
        _ name: String, from stored: String, to type: any Persistable.Type,
        _ planner: inout ConversionPlanner
    ) throws {
        self.name = name
        self.type = type
        self.stored = stored
        guard let shape = TypeShape(parsing: stored) else {
            throw SchemaChangeRefusal("the type in the file, \(stored), cannot be read")
        }
        func found<T: ConvertibleCollection>(_: T.Type) throws
            -> (FormConversion, any ContentMover)?
        {
            try T.mover(from: shape, &planner).map { (T.conversion($0), $0) }
        }
        if let collection = type as? any ConvertibleCollection.Type,
            let (form, mover) = try found(collection)
        {
            self.form = form
            self.mover = mover
        } else {
            form = try planner.conversion(from: shape, to: type, at: "the root")
            mover = nil
        }
    }

    // MARK: Running

    /// Whether the conversion has begun and is not complete.
    func isBegun(_ access: HeapAccess) -> Bool {
        RootCatalogue(access).contains(RootCatalogue.remainderName(name))
    }

    /// Does one transaction's share of the work: all of it without a limit.
    func run(in access: HeapAccess, upTo limit: Int = .max) throws(HeapError) {
        let catalogue = RootCatalogue(access)
        let remainderName = RootCatalogue.remainderName(name)
        guard let entry = catalogue.entry(name) else { return }
        if let remainder = catalogue.entry(remainderName), let mover {
            try moveSome(mover, from: remainder.offset, to: entry.offset, in: access, limit)
            return
        }
        try TypeHistory(of: name, in: access).advance(from: stored, to: type.describe().text)
        guard let mover, mover.count(of: entry.offset, in: access) > limit,
            let container = type as? any PersistableContainer.Type
        else {
            let offset = withUnsafeBytes(of: entry.offset) {
                form.converted($0.baseAddress!, as: UInt64.self, in: access)
            }
            return try RootCatalogue(access).add(name, as: type, at: offset)
        }
        try RootCatalogue(access).rename(name, to: remainderName)
        let target = Self.makeEmpty(container, in: access)
        try RootCatalogue(access).add(name, as: type, at: target)
        try Self.cursor(of: name, in: access).set(0)
        try moveSome(mover, from: entry.offset, to: target, in: access, limit)
    }

    private func moveSome(
        _ mover: any ContentMover, from source: UInt64, to target: UInt64, in access: HeapAccess,
        _ limit: Int
    ) throws(HeapError) {
        let stored = Self.cursor(of: name, in: access)
        let before = try stored.value ?? 0
        var cursor = before
        let isLast = mover.moveSome(
            from: source, to: target, upTo: limit, cursor: &cursor, in: access)
        guard isLast else {
            if cursor != before { try stored.set(cursor) }
            return
        }
        mover.freeSource(source, in: access)
        RootCatalogue(access).remove(RootCatalogue.remainderName(name))
        try stored.remove()
    }

    private static func makeEmpty<Container: PersistableContainer>(
        _ type: Container.Type, in access: HeapAccess
    ) -> UInt64 {
        // A collection is stored as its place.
        withUnsafeBytes(of: Container.storeEmpty(in: access)) { $0.load(as: UInt64.self) }
    }

    /// What the mover has to know in the next transaction.
    private static func cursor(of root: String, in access: HeapAccess) -> HiddenNumber {
        HiddenNumber(RootCatalogue.cursorName(root), in: access)
    }

    // MARK: Erasing

    /// Removes a root of whatever type, with everything that it owns and all that a conversion of
    /// it has left. Throws ``SchemaChangeRefusal`` if that is not known.
    static func erase(_ name: String, in access: HeapAccess) throws {
        let names = [name, RootCatalogue.remainderName(name)]
        var removals: [(name: String, place: UInt64, removal: FormRemoval?)] = []
        for name in names {
            guard let entry = RootCatalogue(access).entry(name) else { continue }
            guard let shape = TypeShape(parsing: entry.description) else {
                throw SchemaChangeRefusal("the type \(entry.description) cannot be read")
            }
            var planner = ConversionPlanner()
            removals.append((name, entry.offset, try planner.removal(of: shape, at: "the root")))
        }
        for (name, place, removal) in removals {
            withUnsafeBytes(of: place) { removal?($0.baseAddress!, access) }
            RootCatalogue(access).remove(name)
        }
        try cursor(of: name, in: access).remove()
        try TypeHistory(of: name, in: access).remove()
    }
}
