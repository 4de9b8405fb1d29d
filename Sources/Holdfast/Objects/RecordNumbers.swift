import HoldfastEngine

// References are exported as numbers, since places have no meaning in another heap. Numbers are
// assigned in the order in which records are encountered, and are valid for all roots that are
// exported together.

/// The records that an export has numbered.
///
/// `@unchecked Sendable`: encoders require it of their user information. Only the transaction's
/// thread uses the object.
package final class ExportedRecords: @unchecked Sendable {
    private struct Pending {
        let number: Int
        let place: UInt64
        let type: any HeapRecord.Type
    }

    /// The targets of references that something else owns. Those records are written where they are
    /// owned.
    private let ownedPlaces: Set<UInt64>
    private var numbers: [UInt64: Int] = [:]
    /// Chooses the numbers; nil for 1, 2 and so on.
    private let choose: ((_ place: UInt64) -> Int)?
    /// Records that nothing else owns, to be written on lines of their own.
    private var pending: [Pending] = []
    private var next = 0

    package init(ownedPlaces: Set<UInt64>, numbering choose: ((_ place: UInt64) -> Int)? = nil) {
        self.ownedPlaces = ownedPlaces
        self.choose = choose
    }

    /// Returns the records of the export that an encoder belongs to, or nil if it belongs to none.
    static func find(in encoder: any Encoder) -> ExportedRecords? {
        encoder.userInfo[Exchange.userInfoKey] as? ExportedRecords
    }

    /// Returns the number of the record that a reference leads to.
    package func number<Record: HeapRecord>(of place: UInt64, _ type: Record.Type) -> Int {
        if let number = numbers[place] { return number }
        let number = choose?(place) ?? numbers.count + 1
        numbers[place] = number
        if !ownedPlaces.contains(place) {
            pending.append(Pending(number: number, place: place, type: type))
        }
        return number
    }

    /// Returns the number of a record that is written where it is owned, or nil if no reference
    /// leads to it.
    package func number<Record: HeapRecord>(ofOwned place: UInt64, _ type: Record.Type)
        -> Int?
    {
        ownedPlaces.contains(place) ? number(of: place, type) : nil
    }

    /// Returns the next record that needs a line of its own. A list, so that a long chain of
    /// references is not a deep recursion.
    package func nextPending() -> (number: Int, place: UInt64, type: any HeapRecord.Type)? {
        guard next < pending.count else {
            pending = []
            next = 0
            return nil
        }
        defer { next += 1 }
        return (pending[next].number, pending[next].place, pending[next].type)
    }
}

/// The records that an import has encountered, by their numbers. The first mention of a number
/// allocates the record's block, and the record's line fills it.
///
/// `@unchecked Sendable`: as with ``ExportedRecords``.
package final class ImportedRecords: ImportContext, @unchecked Sendable {
    private struct Entry {
        let place: UInt64
        let type: any HeapRecord.Type
        var isFilled = false
        var isOwned = false
        var isShared = false
    }

    package let access: HeapAccess
    private var entries: [Int: Entry] = [:]

    package init(_ access: HeapAccess) { self.access = access }

    /// Returns the records of the import that a decoder belongs to.
    package static func require(in decoder: any Decoder) throws -> ImportedRecords {
        guard let found = decoder.userInfo[Exchange.userInfoKey] as? ImportedRecords else {
            throw ExchangeProblem("values of a heap can only be decoded by an import")
        }
        return found
    }

    /// Returns the place of the record that a reference mentions. A shared record counts the
    /// mention as an owner.
    package func place<Record: HeapRecord>(
        ofMention number: Int, _ type: Record.Type, shares: Bool
    )
        throws -> UInt64
    {
        var entry = try entry(number, type)
        if shares {
            var header = access.load(entry.place, as: StoredRecord.self)
            guard header.owners < .max else {
                throw ExchangeProblem("object \(number) has too many references")
            }
            header.owners += 1
            access.store(header, at: entry.place)
            entry.isShared = true
        }
        entries[number] = entry
        return entry.place
    }

    /// Returns the place for the record that has this number and an owner.
    package func place<Record: HeapRecord>(ofOwned number: Int, _ type: Record.Type) throws
        -> UInt64
    {
        var entry = try entry(number, type)
        guard !entry.isFilled else { throw ExchangeProblem("object \(number) is defined twice") }
        entry.isFilled = true
        entry.isOwned = true
        entries[number] = entry
        return entry.place
    }

    /// Returns the block and type of a record that has a line of its own.
    package func placeToFill(_ number: Int) throws -> (
        place: UInt64, type: any HeapRecord.Type
    ) {
        guard let entry = entries[number] else {
            throw ExchangeProblem("nothing refers to object \(number)")
        }
        guard !entry.isFilled else { throw ExchangeProblem("object \(number) is defined twice") }
        entries[number]!.isFilled = true
        return (entry.place, entry.type)
    }

    private func entry<Record: HeapRecord>(_ number: Int, _ type: Record.Type) throws
        -> Entry
    {
        guard let entry = entries[number] else {
            return Entry(place: Record.makeBlock(in: access), type: type)
        }
        guard ObjectIdentifier(entry.type) == ObjectIdentifier(type) else {
            throw ExchangeProblem(
                "object \(number) is referenced both as a \(entry.type.storedName) and as a "
                    + "\(type.storedName)"
            )
        }
        return entry
    }

    /// Throws unless every mentioned number has its record.
    package func requireComplete() throws {
        for (number, entry) in entries.sorted(by: { $0.key < $1.key }) {
            guard entry.isFilled else {
                throw ExchangeProblem("object \(number) is referenced but not defined")
            }
            if entry.isOwned, entry.isShared {
                throw ExchangeProblem(
                    "object \(number) is shared, but has a single owner as well")
            }
        }
    }
}
