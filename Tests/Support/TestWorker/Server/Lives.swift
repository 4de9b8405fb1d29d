import Foundation
import TestSupport

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

    /// A child that does nothing, and outlives this process until the test closes the standard
    /// input.
    static func forkIdleChild() throws {
        let parent = getpid()
        let child = ForkedChild.begin()
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
