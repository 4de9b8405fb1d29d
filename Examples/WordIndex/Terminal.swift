#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

let usage = """
    usage: word-index build HEAP [FOLDER]   index every text file under FOLDER (default: this package's Sources and Docs)
           word-index find HEAP WORD...     print FILE:LINE for every line that has all of the words
    """

/// Prints a line immediately, even to a pipe: the reader may act on it before this program has
/// ended.
func say(_ text: String) {
    TerminalOutput.standardOutput.write(text + "\n")
}

func complain(_ text: String) {
    TerminalOutput.standardError.write(text + "\n")
}

/// Runs the command and ends the program with its status, or with 1 and one line on standard error.
func exitReporting(_ command: () throws -> Int32) {
    do {
        exit(try command())
    } catch {
        complain("word-index: \(error)")
        exit(1)
    }
}

func exitWrongUsage() -> Never {
    complain(usage)
    exit(2)
}

struct TerminalOutput {
    let descriptor: Int32
    static let standardOutput = TerminalOutput(descriptor: 1)
    static let standardError = TerminalOutput(descriptor: 2)

    func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            var done = 0
            while done < bytes.count {
                #if canImport(Darwin)
                    let count = Darwin.write(
                        descriptor, bytes.baseAddress! + done, bytes.count - done)
                #elseif canImport(Musl)
                    let count = Musl.write(
                        descriptor, bytes.baseAddress! + done, bytes.count - done)
                #else
                    let count = Glibc.write(
                        descriptor, bytes.baseAddress! + done, bytes.count - done)
                #endif
                if count <= 0 { return }
                done += count
            }
        }
    }
}

/// A line on the terminal that is overwritten as the work proceeds. Invisible if standard error is
/// not a terminal.
struct Progress {
    let total: Int
    private let isShown = isatty(2) == 1
    private let start = ContinuousClock.now

    init(total: Int) { self.total = total }

    func show(done: Int, words: Int) {
        guard isShown else { return }
        let elapsed = start.duration(to: .now) / .seconds(1)
        let rate = elapsed > 0 ? Double(done) / elapsed : 0
        let left = rate > 0 ? Int(Double(total - done) / rate + 0.5) : 0
        let percent = total == 0 ? 100 : done * 100 / total
        TerminalOutput.standardError.write(
            "\r\u{1B}[K\(percent)%  \(done) of \(total) files, \(words) words, \(Int(rate)) "
                + "files/s, \(left) s left"
        )
    }

    /// Removes the line, before other output or at the end.
    func clear() {
        if isShown { TerminalOutput.standardError.write("\r\u{1B}[K") }
    }
}
