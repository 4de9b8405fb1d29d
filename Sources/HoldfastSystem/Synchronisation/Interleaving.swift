import CHoldfast

/// The places where the steps of several openings can interleave: each access to a word that
/// openings share, to the bytes that the words stand for, and each wait.
///
/// A test can take charge of a thread (`Interleaver`). The thread then asks before each of these
/// steps, so the test chooses the order in which several threads take theirs, and can repeat it.
/// Waits end when the test says so, and time passes as it says.
///
/// Debug builds only: in release builds all of this is empty, and compiles to nothing. In debug
/// builds, a thread that nobody is in charge of loads one word of its own at each step.
@usableFromInline
package enum Interleaving {
    /// What the step that follows does.
    @usableFromInline
    package enum Effect: Sendable {
        case reads
        /// Also for a compare-and-exchange, which may turn out to change nothing.
        case changes
        /// A change that others wait for.
        case releases
    }

    /// Two steps of different threads commute unless their places have a part in common, and one of
    /// them changes it.
    @usableFromInline
    package struct Place: Sendable {
        package enum Area: UInt8, Sendable {
            /// The words of the shared file, by offset.
            case word
            /// The ring of the log, in pieces of `piece` bytes.
            case ring
            /// The data file, by page.
            case page
            /// What only the disk knows: locks of files, the durable log, names.
            case lock, durable, names
        }

        static let piece = 4096

        package let area: Area
        package let first: Int
        package let count: Int

        package init(_ area: Area, _ first: Int, count: Int = 1) {
            self.area = area
            self.first = first
            self.count = count
        }

        /// The word at an address in the first page of the shared file's mapping.
        @usableFromInline
        package init(wordAt address: UnsafeRawPointer) {
            self.init(.word, Int(bitPattern: address) & 4095)
        }

        /// `byteCount` bytes of a ring from an offset on; they may continue at its beginning.
        package init(ringAt offset: Int, byteCount: Int) {
            let first = offset / Self.piece
            self.init(
                .ring, first, count: max(1, (offset + byteCount - 1) / Self.piece - first + 1))
        }
    }

    /// Call before each step.
    @inlinable @inline(__always)
    package static func step(_ effect: Effect, _ place: @autoclosure () -> Place) {
        #if DEBUG
            if unsafe holdfast_get_interleaver() != nil { current!.step(effect, place()) }
        #endif
    }

    /// Call instead of sleeping. Returns whether the thread goes on because time has passed, and
    /// not because another thread has released something. Nil: nobody is in charge of the thread,
    /// and it sleeps itself.
    @inlinable @inline(__always)
    package static func wait() -> Bool? {
        #if DEBUG
            return unsafe holdfast_get_interleaver() == nil ? nil : current!.wait()
        #else
            return nil
        #endif
    }

    /// Whether a test is in charge of the calling thread.
    @inlinable @inline(__always)
    package static var isActive: Bool {
        #if DEBUG
            return unsafe holdfast_get_interleaver() != nil
        #else
            return false
        #endif
    }

    /// The time that the calling thread sees, in nanoseconds; nil: that of the system.
    @inlinable @inline(__always)
    package static var now: UInt64? {
        #if DEBUG
            return unsafe holdfast_get_interleaver() == nil ? nil : current!.now
        #else
            return nil
        #endif
    }

    /// The number of the calling thread, if a test is in charge of it.
    @inlinable @inline(__always)
    package static var threadNumber: UInt32? {
        #if DEBUG
            return unsafe holdfast_get_interleaver() == nil ? nil : current!.threadNumber
        #else
            return nil
        #endif
    }

    #if DEBUG
        @usableFromInline
        static var current: Interleaver? {
            unsafe holdfast_get_interleaver().map {
                unsafe Unmanaged<Interleaver>.fromOpaque($0).takeUnretainedValue()
            }
        }
    #endif
}

#if DEBUG
    /// Decides for the threads that it is in charge of. Its closures are called in those threads.
    @usableFromInline
    package final class Interleaver: Sendable {
        @usableFromInline let step: @Sendable (Interleaving.Effect, Interleaving.Place) -> Void
        @usableFromInline let wait: @Sendable () -> Bool
        private let time: @Sendable () -> UInt64
        @usableFromInline let threadNumber: UInt32

        @usableFromInline var now: UInt64 { time() }

        package init(
            threadNumber: UInt32,
            step: @escaping @Sendable (Interleaving.Effect, Interleaving.Place) -> Void,
            wait: @escaping @Sendable () -> Bool, now: @escaping @Sendable () -> UInt64
        ) {
            self.threadNumber = threadNumber
            self.step = step
            self.wait = wait
            time = now
        }

        /// Runs `body` in charge of the calling thread.
        package func inCharge<R>(_ body: () throws -> R) rethrows -> R {
            let outer = unsafe holdfast_get_interleaver()
            unsafe holdfast_set_interleaver(Unmanaged.passUnretained(self).toOpaque())
            defer { unsafe holdfast_set_interleaver(outer) }
            return try withExtendedLifetime(self, body)
        }
    }
#endif
