#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A signal of the system.
package struct Signal: Equatable, Sendable {
    package let number: Int32

    package static var brokenPipe: Signal { Signal(number: SIGPIPE) }
    package static var fileSizeLimit: Signal { Signal(number: SIGXFSZ) }
    package static var interrupt: Signal { Signal(number: SIGINT) }
    package static var terminate: Signal { Signal(number: SIGTERM) }
    package static var hangUp: Signal { Signal(number: SIGHUP) }

    /// The calls that meet its cause fail with an error instead.
    package func ignore() { _ = signal(number, SIG_IGN) }

    /// Calls `handler` with the number of the next such signal. Later ones have their default
    /// effect. A wait in a system call ends. Does nothing if the process was started with the
    /// signal ignored, as by `nohup`.
    ///
    /// The handler may make only calls that are safe in a signal handler.
    package func handleOnce(_ handler: @escaping @convention(c) (Int32) -> Void) {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return }
        #if canImport(Darwin)
            let former = action.__sigaction_u.__sa_handler
            action.__sigaction_u.__sa_handler = handler
        #else
            let former = action.__sigaction_handler.sa_handler
            action.__sigaction_handler.sa_handler = handler
        #endif
        if let former, unsafeBitCast(former, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) {
            return
        }
        // No SA_RESTART.
        action.sa_flags = Int32(bitPattern: UInt32(truncatingIfNeeded: SA_RESETHAND))
        sigaction(number, &action, nil)
    }
}
