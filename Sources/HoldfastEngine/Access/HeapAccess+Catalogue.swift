import HoldfastFormat

/// Two words of the allocator's root that belong to the layer above.
extension HeapAccess {
    /// The offset of the layer above's catalogue of named roots; 0 in a new heap.
    public var catalogue: UInt64 {
        get { load(AllocatorRoot.catalogueField) }
        nonmutating set { store(newValue, at: AllocatorRoot.catalogueField) }
    }

    /// A number that grows with every committed change announced by `catalogueWillChange`, in any
    /// process. It never decreases.
    @inline(__always)
    public var catalogueVersion: UInt64 { load(AllocatorRoot.catalogueVersionField) }

    /// Announces that a root is about to be added, removed, renamed or moved.
    public func catalogueWillChange() {
        store(catalogueVersion &+ 1, at: AllocatorRoot.catalogueVersionField)
    }

    /// Whether this transaction may have changed the catalogue's version. It may instead have
    /// changed other data in the same line.
    ///
    /// Before the mark of a savepoint counts too, and an undone savepoint does not.
    public var isCatalogueChanging: Bool {
        isWritable
            && context.pointee.view._withUnsafeGuaranteedRef {
                $0.dirty.isDirty(
                    line: AllocatorRoot.catalogueVersionField &>> HeapLayout.lineShift)
            }
    }
}
