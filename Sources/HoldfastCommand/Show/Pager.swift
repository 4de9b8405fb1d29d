import Foundation
import HoldfastTools

/// Shows long output on a terminal in the user's pager. Other output is written directly.
struct Pager {
    private let call: Invocation

    init(_ call: Invocation) { self.call = call }

    func print(_ lines: [String]) throws {
        let traits = call.output.traits
        let isLong = traits.canDraw && lines.count >= traits.height
        guard isLong || call.has("pager"), let command, try page(lines, command) else {
            for line in lines { try call.print(line) }
            return
        }
    }

    /// The user's choice of pager, or nil if there is none.
    private var command: String? {
        if let chosen = TerminalTraits.variable("PAGER") {
            return chosen.isEmpty || chosen == "cat" ? nil : chosen
        }
        let folders = (TerminalTraits.variable("PATH") ?? "").split(separator: ":")
        // -F exits if everything fits, -R passes colours through, -X keeps the screen.
        return folders.contains { unsafe access("\($0)/less", X_OK) == 0 } ? "less -FRX" : nil
    }

    /// Returns false if the pager could not be started.
    private func page(_ lines: [String], _ command: String) throws -> Bool {
        try call.output.flush()
        guard let pipe = unsafe popen(command, "w") else { return false }
        for line in lines where unsafe fputs(line + "\n", pipe) < 0 { break }
        // Returns when the user leaves the pager, whether or not everything was shown.
        return unsafe pclose(pipe) != 127 << 8
    }
}
