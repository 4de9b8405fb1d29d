import MemoryMapping

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A file descriptor, as programs with a terminal use it. Not closed automatically.
package struct FileDescriptor: Equatable, Sendable {
    package let number: Int32

    package init(_ number: Int32) { self.number = number }

    package static let standardInput = FileDescriptor(0)
    package static let standardOutput = FileDescriptor(1)
    package static let standardError = FileDescriptor(2)

    /// Opens a file, pipe or device for reading.
    package static func open(reading path: String) throws(Errno) -> FileDescriptor {
        let number = unsafe PathBytes.withCString(path) {
            unsafe systemOpen($0, O_RDONLY | O_CLOEXEC)
        }
        guard number >= 0 else { throw Errno.current }
        return FileDescriptor(number)
    }

    package func close() { systemClose(number) }

    /// One call; returns the bytes read, 0 at the end.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        let count = unsafe systemRead(number, buffer)
        guard count >= 0 else { throw Errno.current }
        return count
    }

    /// One call; returns the bytes written.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        let count = unsafe systemWrite(number, bytes)
        guard count >= 0 else { throw Errno.current }
        return count
    }

    /// Waits until there is input or the end of the file; false on a timeout or a signal.
    package func waitToRead(milliseconds: Int32) -> Bool { wait(POLLIN, milliseconds) }

    /// Waits until output is possible; false on a timeout or a signal.
    @discardableResult
    package func waitToWrite(milliseconds: Int32) -> Bool { wait(POLLOUT, milliseconds) }

    private func wait(_ events: some BinaryInteger, _ milliseconds: Int32) -> Bool {
        var request = pollfd(fd: number, events: Int16(events), revents: 0)
        return unsafe poll(&request, 1, milliseconds) > 0
    }

    /// The permissions of an ordinary file; nil for pipes, terminals and devices.
    package var rights: FileRights? {
        var status = stat()
        guard unsafe fstat(number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            return nil
        }
        return FileRights(mode: UInt32(status.st_mode), owner: status.st_uid, group: status.st_gid)
    }

    // MARK: Terminals

    package var isTerminal: Bool { isatty(number) == 1 }

    /// The size of the terminal's window; nil for other files, and where it is unknown.
    package var windowSize: (columns: Int, rows: Int)? {
        var size = winsize()
        guard isTerminal, unsafe ioctl(number, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0,
            size.ws_row > 0
        else { return nil }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Opens the standard descriptors that are closed, for reading. Otherwise a file opened later
    /// would get their numbers, and output for the terminal would be written into it.
    package static func reserveStandardNumbers() {
        for number in [0, 1, 2] as [Int32] where fcntl(number, F_GETFD) < 0 {
            _ = unsafe systemOpen("/dev/null", O_RDONLY)
        }
    }
}

// The C library's functions that the methods above hide.

private func systemOpen(_ path: UnsafePointer<CChar>, _ flags: Int32) -> Int32 {
    unsafe open(path, flags)
}

private func systemClose(_ number: Int32) { _ = close(number) }

private func systemRead(_ number: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    unsafe read(number, buffer.baseAddress, buffer.count)
}

private func systemWrite(_ number: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    unsafe write(number, bytes.baseAddress, bytes.count)
}
