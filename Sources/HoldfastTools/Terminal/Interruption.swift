import HoldfastSystem
import Synchronization

/// Ctrl-C and similar signals, as a flag that long work polls: it stops where it can leave
/// everything as it was. A second signal ends the process at once.
package enum Interruption {
    /// The work was asked to end.
    package struct Interrupted: Error {
        package let signal: Int32
    }

    private static let received = Atomic<Int32>(0)
    /// A pipe that the handler writes into at a prompt, so that a wait for input ends; -1 before
    /// `beginAtPrompt`.
    private static let wakeReader = Atomic<Int32>(-1)
    private static let wakeWriter = Atomic<Int32>(-1)

    // MARK: Asking

    package static var isRequested: Bool { received.load(ordering: .relaxed) != 0 }

    /// Throws if the work is to end.
    package static func check() throws(Interrupted) {
        let signal = received.load(ordering: .relaxed)
        if signal != 0 { throw Interrupted(signal: signal) }
    }

    /// The number of the signal; 0 if there has been none.
    package static var receivedSignal: Int32 { received.load(ordering: .relaxed) }

    // MARK: One piece of work

    /// From now on SIGINT, SIGTERM and SIGHUP are noted; SIGPIPE and SIGXFSZ become errors of the
    /// calls that meet them.
    package static func begin() {
        ignoreSignal(SIGPIPE)
        ignoreSignal(SIGXFSZ)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            var action = sigaction()
            // Who has started us with the signal ignored, as nohup does, does not want it noticed.
            guard sigaction(number, nil, &action) == 0, !isIgnored(action) else { continue }
            // No SA_RESTART: a wait in a system call ends too. Once: the next signal does what it
            // always does.
            action.sa_flags = Int32(bitPattern: UInt32(truncatingIfNeeded: SA_RESETHAND))
            install(number, action)
        }
    }

    // MARK: A prompt

    /// From now on Ctrl-C never ends the program: it is noted, again after each `take`, and ends a
    /// wait for input. For a terminal only: a script ends by it.
    package static func beginAtPrompt() {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        wakeReader.store(ends[0], ordering: .relaxed)
        wakeWriter.store(ends[1], ordering: .relaxed)
        var action = sigaction()
        sigemptyset(&action.sa_mask)
        install(SIGINT, action)
    }

    /// Whether a signal was noted; the next one counts anew.
    @discardableResult
    package static func take() -> Bool {
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(wakeReader.load(ordering: .relaxed), &bytes, bytes.count) > 0 {}
        return received.exchange(0, ordering: .relaxed) != 0
    }

    /// Waits until there is something to read from `descriptor`; false if Ctrl-C came first, or at
    /// all.
    package static func waitForInput(_ descriptor: Int32) -> Bool {
        while true {
            if isRequested { return false }
            var requests = [
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(
                    fd: wakeReader.load(ordering: .relaxed), events: Int16(POLLIN), revents: 0),
            ]
            let count = poll(&requests, 2, -1)
            if count < 0, errno != EINTR { return true }
            if count > 0, requests[1].revents == 0 { return true }
        }
    }

    // MARK: The handler

    private static func isIgnored(_ action: sigaction) -> Bool {
        #if canImport(Darwin)
            let handler = action.__sigaction_u.__sa_handler
        #else
            let handler = action.__sigaction_handler.sa_handler
        #endif
        guard let handler else { return false }
        return unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    private static func install(_ number: Int32, _ action: sigaction) {
        var action = action
        #if canImport(Darwin)
            action.__sigaction_u.__sa_handler = { Interruption.note($0) }
        #else
            action.__sigaction_handler.sa_handler = { Interruption.note($0) }
        #endif
        sigaction(number, &action, nil)
    }

    /// In a signal handler: a store, and a write that never waits.
    private static func note(_ signal: Int32) {
        received.store(signal, ordering: .relaxed)
        let writer = wakeWriter.load(ordering: .relaxed)
        guard writer >= 0 else { return }
        let error = errno
        var byte: UInt8 = 1
        _ = write(writer, &byte, 1)
        errno = error
    }
}
