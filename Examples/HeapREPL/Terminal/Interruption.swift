import Foundation
import Synchronization

/// Ctrl-C: noticed between two steps of a line, and while a line is being typed.
enum Interruption {
    struct Interrupted: Error {}

    private static let isRequested = Atomic<Bool>(false)
    /// A pipe that the signal handler writes into, so that whoever waits for the terminal is woken:
    /// what it reads from, and what the handler writes to.
    private static let readingEnd = Atomic<Int32>(-1)
    private static let writingEnd = Atomic<Int32>(-1)

    /// What to wait for beside the terminal; -1 before `install`.
    static var descriptor: Int32 { readingEnd.load(ordering: .relaxed) }

    /// Throws if Ctrl-C was pressed since the line began.
    static func check() throws(Interrupted) {
        if isRequested.load(ordering: .relaxed) { throw Interrupted() }
    }

    /// Whether it was pressed; the next one counts anew.
    static func take() -> Bool {
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(descriptor, &bytes, bytes.count) > 0 {}
        return isRequested.exchange(false, ordering: .relaxed)
    }

    /// From here on Ctrl-C does not end the program. For a terminal only: a script ends by it.
    static func install() {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        readingEnd.store(ends[0], ordering: .relaxed)
        writingEnd.store(ends[1], ordering: .relaxed)
        var action = sigaction()
        // Only what may be done in a signal handler: a store, and a write that never waits.
        let handler: @convention(c) (Int32) -> Void = { _ in
            let error = errno
            Interruption.isRequested.store(true, ordering: .relaxed)
            var byte: UInt8 = 1
            _ = write(Interruption.writingEnd.load(ordering: .relaxed), &byte, 1)
            errno = error
        }
        #if canImport(Darwin)
            action.__sigaction_u.__sa_handler = handler
        #else
            action.__sigaction_handler.sa_handler = handler
        #endif
        sigemptyset(&action.sa_mask)
        sigaction(SIGINT, &action, nil)
    }

    /// Waits until there is something to read from `descriptor`; false if Ctrl-C came first, or at
    /// all.
    static func waitForInput(_ descriptor: Int32) -> Bool {
        while true {
            if isRequested.load(ordering: .relaxed) { return false }
            var requests = [
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: self.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            let count = poll(&requests, 2, -1)
            if count < 0, errno != EINTR { return true }
            if count > 0, requests[1].revents == 0 { return true }
        }
    }
}
