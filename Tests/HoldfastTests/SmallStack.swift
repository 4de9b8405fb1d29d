import Foundation

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Runs `body` on a thread of its own with a stack of that many bytes, and returns its result.
///
/// 512 KiB is the stack size of secondary threads on Darwin; threads of a server may have less.
func onStack<R>(of bytes: Int = 512 << 10, _ body: () throws -> R) throws -> R {
    var result: Result<R, any Error>?
    try withoutActuallyEscaping({ result = Result(catching: body) }) { run in
        try StackThread(run).start(bytes)
    }
    return try result!.get()
}

/// The work of a new thread; belongs to it until it has been joined.
private final class StackThread {
    private let run: () -> Void

    init(_ run: @escaping () -> Void) { self.run = run }

    func start(_ bytes: Int) throws {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, bytes)
        #if canImport(Darwin)
            var thread: pthread_t?
        #else
            var thread = pthread_t()
        #endif
        let me = Unmanaged.passUnretained(self).toOpaque()
        let status = pthread_create(&thread, &attributes, stackThreadMain, me)
        guard status == 0 else { throw POSIXError(.EAGAIN) }
        #if canImport(Darwin)
            pthread_join(thread!, nil)
        #else
            pthread_join(thread, nil)
        #endif
    }

    fileprivate func main() { run() }
}

#if canImport(Darwin)
    private func stackThreadMain(_ thread: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
        Unmanaged<StackThread>.fromOpaque(thread).takeUnretainedValue().main()
        return nil
    }
#else
    private func stackThreadMain(_ thread: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        Unmanaged<StackThread>.fromOpaque(thread!).takeUnretainedValue().main()
        return nil
    }
#endif
