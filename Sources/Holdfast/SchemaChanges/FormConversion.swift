import HoldfastEngine

/// The size and alignment of a stored form in bytes.
struct FormLayout: Hashable {
    let size: Int
    let alignment: Int

    /// Of a place that leads to a block.
    static let place = FormLayout(size: 8, alignment: 8)

    init(size: Int, alignment: Int) {
        self.size = size
        self.alignment = alignment
    }

    init<T: Persistable>(of type: T.Type) {
        self.init(size: MemoryLayout<T.Stored>.size, alignment: MemoryLayout<T.Stored>.alignment)
    }
}

/// Turns stored forms of one type into stored forms of another.
///
/// The new form takes over what the old one owned: blocks whose contents stay the same are not
/// copied, and blocks that are no longer needed are freed. So the old form must be forgotten
/// afterwards, and must not be destroyed.
struct FormConversion {
    /// Reads an old form and completes the new one, whose bytes are zeros. The old form does not
    /// move while blocks are allocated.
    typealias Step = (
        _ old: UnsafeRawPointer, _ new: UnsafeMutableRawPointer, _ access: HeapAccess
    ) -> Void

    let old: FormLayout
    let new: FormLayout
    /// Whether the bytes stay the same.
    let isMove: Bool
    /// Whether neither form owns anything, so that the old one may be converted again.
    let isRepeatable: Bool
    let step: Step

    init(
        from old: FormLayout, to new: FormLayout, isMove: Bool = false, isRepeatable: Bool,
        _ step: @escaping Step
    ) {
        self.old = old
        self.new = new
        self.isMove = isMove
        self.isRepeatable = isRepeatable
        self.step = step
    }

    /// The conversion of a type that has not changed.
    static func move(_ type: any Persistable.Type) -> FormConversion {
        func move<T: Persistable>(_: T.Type) -> FormConversion {
            let layout = FormLayout(of: T.self)
            return FormConversion(
                from: layout, to: layout, isMove: true, isRepeatable: !T.ownsMemory
            ) { old, new, _ in new.copyMemory(from: old, byteCount: layout.size) }
        }
        return move(type)
    }

    /// The conversion of a form that is the place of a block, by a closure that returns the place
    /// of the new one.
    static func ofPlace(
        _ convert: @escaping (_ place: UInt64, _ access: HeapAccess) -> UInt64
    ) -> FormConversion {
        FormConversion(from: .place, to: .place, isRepeatable: false) { old, new, access in
            new.storeBytes(of: convert(old.load(as: UInt64.self), access), as: UInt64.self)
        }
    }

    /// Returns the new form of the old one at this address.
    func converted<Stored: BitwiseCopyable>(
        _ old: UnsafeRawPointer, as type: Stored.Type, in access: HeapAccess
    ) -> Stored {
        withUnsafeTemporaryAllocation(
            byteCount: max(new.size, 1), alignment: MemoryLayout<Stored>.alignment
        ) { buffer in
            buffer.initializeMemory(as: UInt8.self, repeating: 0)
            step(old, buffer.baseAddress!, access)
            return buffer.load(as: Stored.self)
        }
    }
}

/// Why a stored form is not converted automatically, as text.
struct SchemaChangeRefusal: Error {
    let text: String

    init(_ text: String) { self.text = text }

    init(_ old: TypeShape, _ new: any Persistable.Type, _ place: String) {
        let name = (try? new.describe())?.shape?.name ?? "\(new)"
        self.init(
            "\(place) is \(old.name) in the file and \(name) in this program, which only a declared "
                + "step can convert")
    }
}

/// A type that finds the conversion to its stored form by itself.
protocol ConvertibleForm: Persistable {
    /// Returns nil if the old form has nothing in common with this one. Throws
    /// ``SchemaChangeRefusal`` if a part of it cannot be converted.
    static func conversion(
        from old: TypeShape, _ planner: inout ConversionPlanner, at place: String
    ) throws -> FormConversion?
}
