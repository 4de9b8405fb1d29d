#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A program that runs on a terminal of its own, as a user sees it: keys go in, and its drawing
/// comes out.
///
/// The program is a session leader with this as its controlling terminal, so that Ctrl-C reaches it
/// as a signal. It ends with this object. One thread at a time.
public final class PseudoTerminal {
    public enum End: Equatable {
        case exited(Int32)
        case signalled(Int32)
    }

    public struct Failure: Error, CustomStringConvertible {
        public let description: String

        public init(_ description: String) { self.description = description }
    }

    public let processNumber: pid_t
    private let master: Int32
    /// The program's complete raw output so far, with all control characters.
    public private(set) var output = ""
    /// The screen's current contents.
    public private(set) var screen: Screen
    private var pending: [UInt8] = []
    private var end: End?

    /// Starts `executable`. `environment` is added to this process's own, without the variables
    /// that would change the program's drawing.
    public init(
        _ executable: String, _ arguments: [String], columns: Int = 80, rows: Int = 24,
        environment: [String: String] = [:]
    ) throws {
        screen = Screen(columns: columns, rows: rows)
        guard let (master, path) = Self.open() else {
            throw Failure("no pseudo-terminal (error \(errno))")
        }
        _ = fcntl(master, F_SETFD, FD_CLOEXEC)
        var size = winsize(
            ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)
        #if canImport(Darwin)
            var actions: posix_spawn_file_actions_t?
            var attributes: posix_spawnattr_t?
        #else
            var actions = posix_spawn_file_actions_t()
            var attributes = posix_spawnattr_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        // The first terminal that a session leader opens becomes its controlling terminal.
        posix_spawnattr_setflags(
            &attributes,
            Int16(Self.newSession | Int(POSIX_SPAWN_SETSIGMASK) | Int(POSIX_SPAWN_SETSIGDEF)))
        // As a shell would start it: signals blocked by this thread or ignored by the test are not
        // inherited.
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawn_file_actions_addopen(&actions, 0, path, O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, 0, 1)
        posix_spawn_file_actions_adddup2(&actions, 0, 2)
        var strings = ([executable] + arguments).map { strdup($0) }
        var variables = Self.environment(adding: environment).map { strdup($0) }
        defer { for string in strings + variables { free(string) } }
        strings.append(nil)
        variables.append(nil)
        var number: pid_t = 0
        let result = posix_spawn(&number, executable, &actions, &attributes, strings, variables)
        guard result == 0 else {
            close(master)
            throw Failure("could not start \(executable): \(String(cString: strerror(result)))")
        }
        self.master = master
        processNumber = number
    }

    deinit {
        if end == nil {
            kill(processNumber, SIGKILL)
            _ = waitForProcess()
        }
        close(master)
    }

    #if canImport(Darwin)
        private static let newSession = Int(POSIX_SPAWN_SETSID)
    #else
        /// `POSIX_SPAWN_SETSID`, which is not imported.
        private static let newSession = 0x80
    #endif

    /// A new terminal: this side's descriptor, and the name of the other side.
    private static func open() -> (master: Int32, path: String)? {
        #if os(Linux)
            // Equivalent to `posix_openpt`, `unlockpt` and `ptsname`, which Swift's module of the C
            // library lacks.
            let (unlock, getNumber) = (0x4004_5431 as UInt, 0x8004_5430 as UInt)
            let master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
            guard master >= 0 else { return nil }
            var (isLocked, number) = (0 as Int32, 0 as UInt32)
            guard ioctl(master, unlock, &isLocked) == 0, ioctl(master, getNumber, &number) == 0
            else {
                close(master)
                return nil
            }
            return (master, "/dev/pts/\(number)")
        #else
            let master = posix_openpt(O_RDWR | O_NOCTTY)
            guard master >= 0, grantpt(master) == 0, unlockpt(master) == 0,
                let name = ptsname(master)
            else {
                if master >= 0 { close(master) }
                return nil
            }
            return (master, String(cString: name))
        #endif
    }

    private static func open(_ path: String, _ flags: Int32) -> Int32 {
        #if canImport(Darwin)
            Darwin.open(path, flags)
        #elseif canImport(Musl)
            Musl.open(path, flags)
        #else
            Glibc.open(path, flags)
        #endif
    }

    private static func environment(adding more: [String: String]) -> [String] {
        var all = ["TERM": "xterm-256color", "SWIFT_BACKTRACE": "enable=no"]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            next += 1
            guard let equals = text.firstIndex(of: "=") else { continue }
            let name = String(text[..<equals])
            if ["TERM", "NO_COLOR", "COLUMNS", "LINES", "PAGER", "SWIFT_BACKTRACE"].contains(name) {
                continue
            }
            all[name] = String(text[text.index(after: equals)...])
        }
        all.merge(more) { $1 }
        return all.map { "\($0)=\($1)" }
    }

    // MARK: Keys

    /// Types text; a line ends with `\r`, like the Enter key.
    public func type(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(master, $0.baseAddress!, $0.count) }
            if count < 0, errno != EINTR { return }
            bytes = bytes.dropFirst(max(count, 0))
        }
    }

    public func pressControlC() { type("\u{3}") }
    public func pressControlD() { type("\u{4}") }

    /// Changes the size of the window; the program is notified by a signal.
    public func resize(columns: Int, rows: Int) {
        var size = winsize(
            ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)
        screen = Screen(columns: columns, rows: rows)
    }

    /// Whether keys reach the program one by one. A program with line editing writes its prompt
    /// before it requests that.
    public var isRaw: Bool {
        var settings = termios()
        return tcgetattr(master, &settings) == 0 && settings.c_lflag & tcflag_t(ICANON) == 0
    }

    // MARK: Output

    /// Reads until `condition` holds for the output; an error if the program ends or is silent for
    /// too long before.
    public func wait(
        _ what: String = "the condition", within timeout: Duration = .seconds(60),
        until condition: (PseudoTerminal) -> Bool
    ) throws {
        let deadline = ContinuousClock.now + timeout
        while !condition(self) {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero, readSome(within: left) else {
                throw Failure("\(what) did not come about; the terminal shows:\n\(screen.text)")
            }
        }
    }

    /// Reads until the whole output contains `text`.
    public func wait(for text: String, within timeout: Duration = .seconds(60)) throws {
        try wait("\"\(text)\"", within: timeout) {
            $0.output.contains(text) || $0.screen.text.contains(text)
        }
    }

    /// Reads to the end; returns how the program ended.
    public func waitForEnd(within timeout: Duration = .seconds(60)) throws -> End {
        if let end { return end }
        let deadline = ContinuousClock.now + timeout
        while readSome(within: ContinuousClock.now.duration(to: deadline)) {}
        guard ContinuousClock.now < deadline else {
            throw Failure("the program did not end; the terminal shows:\n\(screen.text)")
        }
        return waitForProcess()
    }

    private func waitForProcess() -> End {
        var status: Int32 = 0
        while waitpid(processNumber, &status, 0) < 0, errno == EINTR {}
        let end: End =
            status & 0x7f == 0 ? .exited((status >> 8) & 0xff) : .signalled(status & 0x7f)
        self.end = end
        return end
    }

    /// False at the end of the output, or on a timeout.
    private func readSome(within timeout: Duration) -> Bool {
        var request = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
        let ready = poll(&request, 1, Int32(clamping: Int(max(timeout, .zero) / .milliseconds(1))))
        if ready < 0, errno == EINTR { return true }
        guard ready > 0 else { return false }
        var bytes = [UInt8](repeating: 0, count: 4096)
        // When the program's last descriptor is closed, Linux returns an error, other systems no
        // bytes.
        let count = read(master, &bytes, bytes.count)
        guard count > 0 else { return false }
        pending += bytes[..<count]
        // The rest of an incomplete character comes later.
        var whole = pending.count
        while whole > 0, pending.count - whole < 4,
            String(validating: pending[..<whole], as: UTF8.self) == nil
        { whole -= 1 }
        if whole == 0, pending.count >= 4 { whole = pending.count }
        let text = String(decoding: pending[..<whole], as: UTF8.self)
        pending.removeFirst(whole)
        output += text
        screen.write(text)
        return true
    }
}
