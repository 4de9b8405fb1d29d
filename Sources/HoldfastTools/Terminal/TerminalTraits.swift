import HoldfastSystem

/// The kind of an output: a terminal that can redraw lines, or a file or pipe for plain text.
package struct TerminalTraits: Sendable {
    /// Whether lines can be redrawn: a terminal other than a dumb one.
    package let canDraw: Bool
    /// Whether output is coloured: `canDraw`, and `NO_COLOR` is not set (https://no-color.org).
    package let hasColour: Bool
    private let descriptor: FileDescriptor

    package init(descriptor: FileDescriptor) {
        self.descriptor = descriptor
        canDraw = descriptor.isTerminal && Self.variable("TERM") != "dumb"
        hasColour = canDraw && (Self.variable("NO_COLOR") ?? "").isEmpty
    }

    /// The present width of the window in columns; 80 if it is unknown, and for other files.
    package var width: Int { descriptor.windowSize?.columns ?? 80 }

    /// The present height of the window in lines; 24 if it is unknown.
    package var height: Int { descriptor.windowSize?.rows ?? 24 }

    /// Returns a variable of the environment.
    package static func variable(_ name: String) -> String? { CurrentProcess.environment(name) }
}
