/// The intended use of a range of memory. Advice that the system does not know has no effect.
public enum MemoryAdvice: Sendable, CaseIterable {
    /// No particular pattern.
    case normal
    /// Read once from front to back: read far ahead, and drop pages soon.
    case sequential
    /// Scattered reads: do not read ahead.
    case random
    /// Needed soon: start reading now.
    case willNeed
    /// Not needed now. On Linux this is more than a hint: anonymous memory becomes zero, and
    /// private copies of a file's pages are dropped. On Darwin the contents stay, so portable code
    /// maps the range again (``MappedFile/discardChanges()``, ``AnonymousMapping/clear()``).
    case dontNeed
    /// Make every page readable now, in bulk, instead of one page fault each later. Linux 5.14 and
    /// later; elsewhere no effect.
    case populateRead
    /// Make every page writable now, in bulk, instead of one page fault each later. Linux 5.14 and
    /// later; elsewhere no effect.
    case populateWrite
    /// Use huge pages if possible. Only on Linux built with them; elsewhere no effect.
    case hugePage
}
