import Foundation
import HoldfastSystem
import HoldfastTools

/// Lines that are edited on a terminal, with the system's libedit.
///
/// The library is loaded at run time, by the function names of readline, so that the program also
/// runs on systems without it. The library keeps all of its state in global variables, and so do
/// its callbacks. There is one of these objects in a process, used by the main thread.
final class EditedLines: LineSource {
    private typealias ReadLine =
        @convention(c) (UnsafePointer<CChar>?) -> UnsafeMutablePointer<CChar>?
    private typealias TakeText = @convention(c) (UnsafePointer<CChar>?) -> Int32
    private typealias Initialize = @convention(c) () -> Int32
    fileprivate typealias Generator =
        @convention(c) (UnsafePointer<CChar>?, Int32) -> UnsafeMutablePointer<CChar>?
    fileprivate typealias MakeMatches =
        @convention(c) (UnsafePointer<CChar>?, Generator?) -> UnsafeMutablePointer<
            UnsafeMutablePointer<CChar>?
        >?
    private typealias Attempt =
        @convention(c) (UnsafePointer<CChar>?, Int32, Int32) -> UnsafeMutablePointer<
            UnsafeMutablePointer<CChar>?
        >?
    private typealias GetCharacter = @convention(c) (UnsafeMutableRawPointer?) -> Int32

    private let readLine: ReadLine
    private let addHistory: TakeText
    private let history: History
    private let output: Console
    private var newest: String?

    private static let names = [
        "libedit.so.2", "libedit.so.0", "libedit.so", "/usr/lib/libedit.3.dylib",
        "/usr/lib/libedit.dylib", "libedit.dylib",
    ]

    /// Nil if there is no libedit, or the terminal does not support editing.
    init?(_ output: Console, _ history: History) {
        let terminal = getenv("TERM").map { String(cString: $0) } ?? "dumb"
        guard terminal != "dumb",
            let library = Self.names.lazy.compactMap({ dlopen($0, RTLD_NOW) }).first
        else { return nil }
        guard let readLine = dlsym(library, "readline"),
            let addHistory = dlsym(library, "add_history"),
            let initialize = dlsym(library, "rl_initialize"),
            let makeMatches = dlsym(library, "rl_completion_matches"),
            let attempt = dlsym(library, "rl_attempted_completion_function"),
            let isOver = dlsym(library, "rl_attempted_completion_over"),
            let getCharacter = dlsym(library, "rl_getc_function"),
            let catchesSignals = dlsym(library, "rl_catch_signals"),
            let lineBuffer = dlsym(library, "rl_line_buffer"),
            let appended = dlsym(library, "rl_completion_append_character"),
            let wordBreaks = dlsym(library, "rl_basic_word_break_characters")
        else { return nil }
        Self.useUTF8()
        self.readLine = unsafeBitCast(readLine, to: ReadLine.self)
        self.addHistory = unsafeBitCast(addHistory, to: TakeText.self)
        self.output = output
        self.history = history
        Editor.makeMatches = unsafeBitCast(makeMatches, to: MakeMatches.self)
        Editor.line = lineBuffer.assumingMemoryBound(to: UnsafeMutablePointer<CChar>?.self)
        Editor.isOver = isOver.assumingMemoryBound(to: Int32.self)
        // Set before the library creates its editor, which reads these variables only once.
        // Characters come from `Editor`, which detects Ctrl-C.
        getCharacter.assumingMemoryBound(to: GetCharacter?.self).pointee = { _ in
            Editor.nextCharacter()
        }
        catchesSignals.assumingMemoryBound(to: Int32.self).pointee = 0
        appended.assumingMemoryBound(to: Int32.self).pointee = 0
        // Never freed: the library keeps it.
        wordBreaks.assumingMemoryBound(to: UnsafeMutablePointer<CChar>?.self).pointee = strdup(
            " \t\n\"`.,:;()[]{}<>=+-*/%!&|?")
        attempt.assumingMemoryBound(to: Attempt?.self).pointee = { word, _, end in
            Editor.complete(word, end)
        }
        _ = unsafeBitCast(initialize, to: Initialize.self)()
        for line in history.lines() { add(line) }
    }

    /// The library decodes characters according to the locale. If that is not UTF-8, a minimal
    /// UTF-8 locale is set.
    private static func useUTF8() {
        setlocale(LC_CTYPE, "")
        let codeset = nl_langinfo(nl_item(CODESET)).map { String(cString: $0) } ?? ""
        if codeset != "UTF-8" { setlocale(LC_CTYPE, "C.UTF-8") }
    }

    func next(prompt: String, completion: Completion) throws -> Input {
        Editor.completion = completion
        Editor.wasInterrupted = false
        guard let text = readLine(prompt) else {
            if Editor.wasInterrupted {
                try output.print("^C")
                return .interrupted
            }
            try output.print("")
            return .end
        }
        defer { free(text) }
        return .line(String(cString: text))
    }

    func remember(_ line: String) {
        guard line != newest, line.contains(where: { !$0.isWhitespace }) else { return }
        add(line)
        history.add(line)
    }

    private func add(_ line: String) {
        newest = line
        _ = addHistory(line)
    }
}

/// The callbacks of libedit. Only the thread that reads lines calls them, which makes the global
/// state safe.
private enum Editor {
    nonisolated(unsafe) static var completion = Completion()
    nonisolated(unsafe) static var wasInterrupted = false
    nonisolated(unsafe) static var makeMatches: EditedLines.MakeMatches?
    nonisolated(unsafe) static var line: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    nonisolated(unsafe) static var isOver: UnsafeMutablePointer<Int32>?
    nonisolated(unsafe) private static var candidates: [String] = []

    /// Returns the terminal's next character, decoded from its bytes, or -1 at the end or for
    /// Ctrl-C.
    static func nextCharacter() -> Int32 {
        guard let first = nextByte() else { return -1 }
        let following =
            first < 0x80 ? 0 : first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0
        var bytes = [first]
        for _ in 0 ..< following {
            guard let byte = nextByte() else { return -1 }
            bytes.append(byte)
        }
        return Int32(String(decoding: bytes, as: UTF8.self).unicodeScalars.first?.value ?? 0xFFFD)
    }

    private static func nextByte() -> UInt8? {
        while true {
            guard Interruption.waitForInput(.standardInput) else {
                wasInterrupted = true
                return nil
            }
            var byte: UInt8 = 0
            let count = read(0, &byte, 1)
            if count < 0, errno == EINTR { continue }
            return count == 1 ? byte : nil
        }
    }

    static func complete(_ word: UnsafePointer<CChar>?, _ end: Int32) -> UnsafeMutablePointer<
        UnsafeMutablePointer<CChar>?
    >? {
        // Suppresses the completion of file names in any case.
        isOver?.pointee = 1
        guard let text = line?.pointee, let makeMatches = makeMatches else { return nil }
        let bytes = UnsafeBufferPointer(start: text, count: strlen(text)).prefix(max(Int(end), 0))
            .map {
                UInt8(bitPattern: $0)
            }
        candidates = completion.candidates(for: String(decoding: bytes, as: UTF8.self))
        return makeMatches(word) { _, number in
            // The library frees each.
            Int(number) == 0 ? Editor.restart() : Editor.nextCandidate()
        }
    }

    nonisolated(unsafe) private static var given = 0

    private static func restart() -> UnsafeMutablePointer<CChar>? {
        given = 0
        return nextCandidate()
    }

    private static func nextCandidate() -> UnsafeMutablePointer<CChar>? {
        guard given < candidates.count else { return nil }
        defer { given += 1 }
        return strdup(candidates[given])
    }
}
