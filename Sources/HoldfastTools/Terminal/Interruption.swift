import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Ctrl-C and its like, as something that work can look at: it ends where it can leave everything
/// as it was. A second signal ends the process at once.
package enum Interruption {
    /// The work was asked to end.
    package struct Interrupted: Error {
        package let signal: Int32
    }

    private static let received = Atomic<Int32>(0)

    /// From now on SIGINT, SIGTERM and SIGHUP are noted; SIGPIPE and SIGXFSZ become errors of the
    /// calls that meet them.
    package static func begin() {
        ignoreSignal(SIGPIPE)
        ignoreSignal(SIGXFSZ)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            var action = sigaction()
            // Who has started us with the signal ignored, as nohup does, does not want it noticed.
            guard sigaction(number, nil, &action) == 0 else { continue }
            #if canImport(Darwin)
                let former = action.__sigaction_u.__sa_handler
                action.__sigaction_u.__sa_handler = { Interruption.note($0) }
            #else
                let former = action.__sigaction_handler.sa_handler
                action.__sigaction_handler.sa_handler = { Interruption.note($0) }
            #endif
            if let former,
                unsafeBitCast(former, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
            {
                continue
            }
            // No SA_RESTART: a wait in a system call ends too. Once: the next signal does what it
            // always does.
            action.sa_flags = Int32(bitPattern: UInt32(truncatingIfNeeded: SA_RESETHAND))
            sigaction(number, &action, nil)
        }
    }

    /// In a signal handler: one store, nothing else.
    private static func note(_ signal: Int32) { received.store(signal, ordering: .relaxed) }

    package static var isRequested: Bool { received.load(ordering: .relaxed) != 0 }

    /// Throws if the work is to end.
    package static func check() throws(Interrupted) {
        let signal = received.load(ordering: .relaxed)
        if signal != 0 { throw Interrupted(signal: signal) }
    }

    /// Which signal it was; 0 if there has been none.
    package static var receivedSignal: Int32 { received.load(ordering: .relaxed) }
}
