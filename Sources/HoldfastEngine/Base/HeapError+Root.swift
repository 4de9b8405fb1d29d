extension HeapError {
    /// The allocator's root page and the header or log disagree on the heap's size.
    static func contradictingRoot(path: String, root: UInt64, known: UInt64) -> HeapError {
        .damaged(
            path: path,
            what: "the allocator's root page says \(root) pages, and the header or log says "
                + "\(known)")
    }
}
