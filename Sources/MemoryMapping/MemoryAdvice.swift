/// What a program is going to do with a range of memory. Where the system does not know an advice,
/// it does nothing.
public enum MemoryAdvice: Sendable, CaseIterable {
    /// No particular pattern.
    case normal
    /// Read once from front to back: read ahead far, and forget soon.
    case sequential
    /// Read here and there: do not read ahead.
    case random
    /// Needed soon: start reading now.
    case willNeed
    /// Not needed now. On Linux more than a hint: anonymous memory becomes zero, and private copies
    /// of a file's pages go back to being the file's. On Darwin the contents stay, so code that
    /// wants them gone everywhere maps the range again (``MappedFile/discardChanges()``,
    /// ``AnonymousMapping/clear()``).
    case dontNeed
    /// Make every page readable now, in bulk, instead of one fault each later. Linux 5.14 and
    /// later; elsewhere nothing.
    case populateRead
    /// Make every page writable now, in bulk, instead of one fault each later. Linux 5.14 and
    /// later; elsewhere nothing.
    case populateWrite
    /// Use large pages where it can. Linux built with them; elsewhere nothing.
    case hugePage
}
