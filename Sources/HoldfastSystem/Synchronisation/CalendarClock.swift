#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The date.
package enum CalendarClock {
    /// Whole seconds since 1970.
    package static var seconds: UInt64 { UInt64(max(0, time(nil))) }
}
