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
    package func handleOnce(_ handler: @escaping Handler) {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0, !Self.isIgnored(action) else { return }
        // No SA_RESTART.
        action.sa_flags = Int32(bitPattern: UInt32(truncatingIfNeeded: SA_RESETHAND))
        install(action, handler)
    }

    /// The same for every such signal from now on, also if it was ignored.
    package func handleAlways(_ handler: @escaping Handler) {
        var action = sigaction()
        sigemptyset(&action.sa_mask)
        install(action, handler)
    }

    package typealias Handler = @convention(c) (Int32) -> Void

    private static func isIgnored(_ action: sigaction) -> Bool {
        #if canImport(Darwin)
            let handler = action.__sigaction_u.__sa_handler
        #else
            let handler = action.__sigaction_handler.sa_handler
        #endif
        guard let handler else { return false }
        return unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    private func install(_ action: sigaction, _ handler: @escaping Handler) {
        var action = action
        #if canImport(Darwin)
            action.__sigaction_u.__sa_handler = handler
        #else
            action.__sigaction_handler.sa_handler = handler
        #endif
        sigaction(number, &action, nil)
    }
}
