#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// This process.
package enum CurrentProcess {
    package static var number: Int32 { getpid() }

    /// The effective user ID.
    package static var user: UInt32 { geteuid() }

    package static func environment(_ name: String) -> String? {
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }

    /// Ends the process.
    package static func end(status: Int32) -> Never { exit(status) }
}
