import HoldfastSystem

/// The kind of an output: a terminal that can draw, or a file or pipe that gets plain text.
package struct TerminalTraits: Sendable {
    /// Whether lines can be drawn over: a terminal other than a dumb one.
    package let canDraw: Bool
    /// Whether it is to be coloured: `canDraw`, and `NO_COLOR` is not set (https://no-color.org).
    package let hasColour: Bool
    private let descriptor: FileDescriptor

    package init(descriptor: FileDescriptor) {
        self.descriptor = descriptor
        canDraw = descriptor.isTerminal && Self.variable("TERM") != "dumb"
        hasColour = canDraw && (Self.variable("NO_COLOR") ?? "").isEmpty
    }

    /// Columns of the window as it is now; 80 where that is unknown, and for other files.
    package var width: Int { descriptor.windowSize?.columns ?? 80 }

    /// Lines of the window as it is now; 24 where that is unknown.
    package var height: Int { descriptor.windowSize?.rows ?? 24 }

    /// A variable of the environment.
    package static func variable(_ name: String) -> String? { CurrentProcess.environment(name) }
}
