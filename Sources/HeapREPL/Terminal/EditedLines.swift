import Foundation
import HoldfastSystem
import HoldfastTools

/// Lines that are edited on a terminal, with the system's libedit.
///
/// The library is loaded at run time, by the function names of readline, so that the program also
/// runs on systems without it. The library keeps all of its state in global variables, and so do
/// its callbacks. There is one of these objects in a process, used by the main thread.
@safe final class EditedLines: LineSource {
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
        let terminal = unsafe getenv("TERM").map { unsafe String(cString: $0) } ?? "dumb"
        guard terminal != "dumb",
            let library = unsafe Self.names.lazy.compactMap({ unsafe dlopen($0, RTLD_NOW) }).first
        else { return nil }
        guard let readLine = unsafe dlsym(library, "readline"),
            let addHistory = unsafe dlsym(library, "add_history"),
            let initialize = unsafe dlsym(library, "rl_initialize"),
            let makeMatches = unsafe dlsym(library, "rl_completion_matches"),
            let attempt = unsafe dlsym(library, "rl_attempted_completion_function"),
            let isOver = unsafe dlsym(library, "rl_attempted_completion_over"),
            let getCharacter = unsafe dlsym(library, "rl_getc_function"),
            let catchesSignals = unsafe dlsym(library, "rl_catch_signals"),
            let lineBuffer = unsafe dlsym(library, "rl_line_buffer"),
            let appended = unsafe dlsym(library, "rl_completion_append_character"),
            let wordBreaks = unsafe dlsym(library, "rl_basic_word_break_characters")
        else { return nil }
        Self.useUTF8()
        unsafe self.readLine = unsafe unsafeBitCast(readLine, to: ReadLine.self)
        unsafe self.addHistory = unsafe unsafeBitCast(addHistory, to: TakeText.self)
        self.output = output
        self.history = history
        unsafe Editor.makeMatches = unsafe unsafeBitCast(makeMatches, to: MakeMatches.self)
        unsafe Editor.line = unsafe lineBuffer.assumingMemoryBound(
            to: UnsafeMutablePointer<CChar>?.self)
        unsafe Editor.isOver = unsafe isOver.assumingMemoryBound(to: Int32.self)
        // Set before the library creates its editor, which reads these variables only once.
        // Characters come from `Editor`, which detects Ctrl-C.
        unsafe getCharacter.assumingMemoryBound(to: GetCharacter?.self).pointee = { _ in
            Editor.nextCharacter()
        }
        unsafe catchesSignals.assumingMemoryBound(to: Int32.self).pointee = 0
        unsafe appended.assumingMemoryBound(to: Int32.self).pointee = 0
        // Never freed: the library keeps it.
        unsafe wordBreaks.assumingMemoryBound(to: UnsafeMutablePointer<CChar>?.self).pointee =
            unsafe strdup(
                " \t\n\"`.,:;()[]{}<>=+-*/%!&|?")
        unsafe attempt.assumingMemoryBound(to: Attempt?.self).pointee = { word, _, end in
            unsafe Editor.complete(word, end)
        }
        _ = unsafe unsafeBitCast(initialize, to: Initialize.self)()
        for line in history.lines() { add(line) }
    }

    /// The library decodes characters according to the locale. If that is not UTF-8, a minimal
    /// UTF-8 locale is set.
    private static func useUTF8() {
        unsafe setlocale(LC_CTYPE, "")
        let codeset = unsafe nl_langinfo(nl_item(CODESET)).map { unsafe String(cString: $0) } ?? ""
        if codeset != "UTF-8" { unsafe setlocale(LC_CTYPE, "C.UTF-8") }
    }

    func next(prompt: String, completion: Completion) throws -> Input {
        unsafe Editor.completion = completion
        unsafe Editor.wasInterrupted = false
        guard let text = unsafe readLine(prompt) else {
            if unsafe Editor.wasInterrupted {
                try output.print("^C")
                return .interrupted
            }
            try output.print("")
            return .end
        }
        defer { unsafe free(text) }
        return unsafe .line(String(cString: text))
    }

    func remember(_ line: String) {
        guard line != newest, line.contains(where: { !$0.isWhitespace }) else { return }
        add(line)
        history.add(line)
    }

    private func add(_ line: String) {
        newest = line
        _ = unsafe addHistory(line)
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
                unsafe wasInterrupted = true
                return nil
            }
            var byte: UInt8 = 0
            let count = unsafe read(0, &byte, 1)
            if count < 0, errno == EINTR { continue }
            return count == 1 ? byte : nil
        }
    }

    static func complete(_ word: UnsafePointer<CChar>?, _ end: Int32) -> UnsafeMutablePointer<
        UnsafeMutablePointer<CChar>?
    >? {
        // Suppresses the completion of file names in any case.
        unsafe isOver?.pointee = 1
        guard let text = unsafe line?.pointee, let makeMatches = unsafe makeMatches else {
            return nil
        }
        let bytes = unsafe UnsafeBufferPointer(start: text, count: strlen(text)).prefix(
            max(Int(end), 0)
        )
        .map {
            UInt8(bitPattern: $0)
        }
        unsafe candidates = unsafe completion.candidates(
            for: String(decoding: bytes, as: UTF8.self))
        return unsafe makeMatches(word) { _, number in
            // The library frees each.
            unsafe Int(number) == 0 ? Editor.restart() : Editor.nextCandidate()
        }
    }

    nonisolated(unsafe) private static var given = 0

    private static func restart() -> UnsafeMutablePointer<CChar>? {
        unsafe given = 0
        return unsafe nextCandidate()
    }

    private static func nextCandidate() -> UnsafeMutablePointer<CChar>? {
        guard unsafe given < candidates.count else { return nil }
        defer { unsafe given += 1 }
        return unsafe strdup(candidates[given])
    }
}
