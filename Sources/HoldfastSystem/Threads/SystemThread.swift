#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A thread of the system.
package struct SystemThread: @unchecked Sendable {
    private let thread: pthread_t

    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts a thread that runs `body`; nil if the system has none. Call `join` or `detach` once.
    package init?(_ body: @escaping @Sendable () -> Void) {
        let argument = unsafe Unmanaged.passRetained(Body(body)).toOpaque()
        #if canImport(Darwin)
            var thread: pthread_t?
        #else
            var thread = pthread_t()
        #endif
        let result = unsafe pthread_create(
            &thread, nil,
            { argument in
                #if canImport(Darwin)
                    let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                #else
                    let body = unsafe Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue()
                #endif
                body.run()
                return nil
            }, unsafe argument)
        guard result == 0 else {
            unsafe Unmanaged<Body>.fromOpaque(argument).release()
            return nil
        }
        #if canImport(Darwin)
            self.thread = thread!
        #else
            self.thread = thread
        #endif
    }

    /// Whether this is the calling thread.
    package var isCurrent: Bool { pthread_equal(thread, pthread_self()) != 0 }

    /// Waits for the thread to end.
    package func join() { pthread_join(thread, nil) }

    /// Lets the thread continue independently.
    package func detach() { pthread_detach(thread) }

    // MARK: The calling thread

    package static func sleep(microseconds: UInt32) {
        if Interleaving.wait() == nil { usleep(microseconds) }
    }

    /// Lets other threads run first.
    package static func yield() { sched_yield() }
}
