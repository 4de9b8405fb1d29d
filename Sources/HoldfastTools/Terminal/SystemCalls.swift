#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

// The C library's functions whose names this module uses for methods of its own.

func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}

func ignoreSignal(_ number: Int32) { signal(number, SIG_IGN) }

/// The text of an `errno` value.
package func systemMessage(_ code: Int32) -> String { String(cString: strerror(code)) }
