#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

enum Terminal {
    /// Shows what is under way, where somebody looks at it.
    static func progress(_ text: String?) {
        guard isatty(2) == 1 else { return }
        let line = "\r\u{1B}[K" + (text ?? "")
        _ = line.withCString { write(2, $0, strlen($0)) }
    }

    static func note(_ text: String) { _ = (text + "\n").withCString { write(2, $0, strlen($0)) } }
}
