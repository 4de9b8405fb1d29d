#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A pipe for interrupting a wait for input from a signal handler. Never closed.
package struct WakePipe: Sendable {
    package let reader: FileDescriptor
    package let writer: FileDescriptor

    /// Nil if the system has no descriptors left.
    package init?() {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { return nil }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        (reader, writer) = (FileDescriptor(ends[0]), FileDescriptor(ends[1]))
    }

    /// Interrupts the current wait, or the next one. Never blocks; async-signal-safe.
    package static func wake(_ writer: FileDescriptor) {
        let error = errno
        var byte: UInt8 = 1
        _ = unsafe write(writer.number, &byte, 1)
        errno = error
    }

    /// Discards all calls of `wake` so far.
    package static func empty(_ reader: FileDescriptor) {
        unsafe withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { bytes in
            while unsafe read(reader.number, bytes.baseAddress, bytes.count) > 0 {}
        }
    }

    /// Waits until there is input from `descriptor`, its end, or a call of `wake`. False for
    /// `wake`, or on a signal.
    package static func wait(for descriptor: FileDescriptor, orWakeOf reader: FileDescriptor)
        -> Bool
    {
        var requests = [
            pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0),
            pollfd(fd: reader.number, events: Int16(POLLIN), revents: 0),
        ]
        let count = unsafe poll(&requests, 2, -1)
        if count < 0 { return errno != EINTR }
        return requests[1].revents == 0
    }
}
