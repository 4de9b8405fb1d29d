import Foundation
import HoldfastTools

/// Long output on a terminal goes through the user's pager; anything else goes where it goes.
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

    /// What the user has chosen; nil if that is nothing, or if there is no pager.
    private var command: String? {
        if let chosen = TerminalTraits.variable("PAGER") {
            return chosen.isEmpty || chosen == "cat" ? nil : chosen
        }
        let folders = (TerminalTraits.variable("PATH") ?? "").split(separator: ":")
        // -F: ends by itself if all fits; -R: colours; -X: leaves the screen as it is.
        return folders.contains { access("\($0)/less", X_OK) == 0 } ? "less -FRX" : nil
    }

    /// False if the pager could not be started.
    private func page(_ lines: [String], _ command: String) throws -> Bool {
        try call.output.flush()
        guard let pipe = popen(command, "w") else { return false }
        for line in lines where fputs(line + "\n", pipe) < 0 { break }
        // Ends when the user leaves it; whether it has shown everything is the user's affair.
        return pclose(pipe) != 127 << 8
    }
}
