import Foundation

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Unusual events in the life of a process.
enum Lives {
    private struct Failure: Error {
        var code: Int32
    }

    /// Swift hides `fork`, because the child has only one of its parent's threads; programs in C
    /// call it all the same.
    private static func fork() -> pid_t {
        typealias Fork = @convention(c) () -> pid_t
        return unsafeBitCast(
            dlsym(UnsafeMutableRawPointer(bitPattern: 0), "fork")!, to: Fork.self)()
    }

    /// A child that does nothing, and outlives this process until the test closes the standard
    /// input.
    static func forkIdleChild() throws {
        let parent = getpid()
        let child = fork()
        guard child >= 0 else { throw Failure(code: errno) }
        guard child == 0 else { return }
        var byte: UInt8 = 0
        while getppid() == parent { usleep(1000) }
        while read(0, &byte, 1) > 0 {}
        _exit(0)
    }

    /// Runs this program again from its beginning, in the same process.
    static func replaceProgram(_ ready: () -> Void) throws {
        var arguments = CommandLine.arguments.map { strdup($0) }
        arguments.append(nil)
        ready()
        execv(arguments[0]!, arguments)
        throw Failure(code: errno)
    }

    /// Continues the process without its main thread, in another one that runs `body`.
    static func endMainThread(_ body: @escaping @Sendable () -> Void) -> Never {
        Thread.detachNewThread {
            body()
            exit(0)
        }
        pthread_exit(nil)
    }
}
