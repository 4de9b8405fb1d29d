/// A problem of the source, at a place in it.
package struct Diagnostic: Equatable, Sendable {
    /// The bytes of the declaration's source that it is about. Nil stands for the attribute.
    let range: Range<Int>?
    package let message: String
    /// What to do instead.
    package let note: String?

    init(_ token: Token?, _ message: String, note: String? = nil) {
        self.init(token?.range, message, note: note)
    }

    init(_ range: Range<Int>?, _ message: String, note: String? = nil) {
        self.range = range
        self.message = message
        self.note = note
    }
}
