#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// What an output is: a terminal that draws, or a file or pipe that wants plain text.
package struct TerminalTraits: Sendable {
    /// Whether lines can be drawn over: a terminal, and none that calls itself dumb.
    package let canDraw: Bool
    /// Whether it is to be coloured: `canDraw`, and `NO_COLOR` is not set (https://no-color.org).
    package let hasColour: Bool
    private let descriptor: Int32

    package init(descriptor: Int32) {
        self.descriptor = descriptor
        canDraw = isatty(descriptor) == 1 && Self.variable("TERM") != "dumb"
        hasColour = canDraw && (Self.variable("NO_COLOR") ?? "").isEmpty
    }

    /// Columns of the window as it is now; 80 where that cannot be known, and for what is no
    /// terminal.
    package var width: Int { size.columns }

    /// Lines of the window as it is now; 24 where that cannot be known.
    package var height: Int { size.rows }

    private var size: (columns: Int, rows: Int) {
        var size = winsize()
        guard isatty(descriptor) == 1, ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0,
            size.ws_col > 0, size.ws_row > 0
        else {
            return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    package static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
