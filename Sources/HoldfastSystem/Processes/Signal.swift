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

    /// Ignores the signal. A call that would have caused it fails with an error instead.
    package func ignore() { _ = signal(number, SIG_IGN) }

    /// Calls `handler` with the number of the next such signal. Later ones have their default
    /// effect. A blocking system call is interrupted. Does nothing if the process was started with
    /// the signal ignored, as by `nohup`.
    ///
    /// The handler may make only async-signal-safe calls.
    package func handleOnce(_ handler: @escaping Handler) {
        var action = sigaction()
        guard unsafe sigaction(number, nil, &action) == 0, !Self.isIgnored(action) else { return }
        // Without SA_RESTART, so that system calls are interrupted.
        action.sa_flags = Int32(bitPattern: UInt32(truncatingIfNeeded: SA_RESETHAND))
        install(action, handler)
    }

    /// Calls `handler` for every such signal from now on, even if it was ignored.
    package func handleAlways(_ handler: @escaping Handler) {
        var action = sigaction()
        unsafe sigemptyset(&action.sa_mask)
        install(action, handler)
    }

    package typealias Handler = @convention(c) (Int32) -> Void

    private static func isIgnored(_ action: sigaction) -> Bool {
        #if canImport(Darwin)
            let handler = action.__sigaction_u.__sa_handler
        #else
            let handler = unsafe action.__sigaction_handler.sa_handler
        #endif
        guard let handler else { return false }
        return unsafe unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    private func install(_ action: sigaction, _ handler: @escaping Handler) {
        var action = action
        #if canImport(Darwin)
            action.__sigaction_u.__sa_handler = handler
        #else
            unsafe action.__sigaction_handler.sa_handler = handler
        #endif
        unsafe sigaction(number, &action, nil)
    }
}
