import HoldfastSystem
import Synchronization

/// Ctrl-C and similar signals, as a flag that long work polls: it stops where it can leave
/// everything as it was. A second signal ends the process at once.
package enum Interruption {
    /// The work was asked to end.
    package struct Interrupted: Error {
        package let signal: Int32
    }

    private static let received = Atomic<Int32>(0)

    /// From now on SIGINT, SIGTERM and SIGHUP are recorded. SIGPIPE and SIGXFSZ become errors of
    /// the calls that meet them.
    package static func begin() {
        Signal.brokenPipe.ignore()
        Signal.fileSizeLimit.ignore()
        for signal in [Signal.interrupt, .terminate, .hangUp] {
            signal.handleOnce { Interruption.note($0) }
        }
    }

    /// In a signal handler: one store, nothing else.
    private static func note(_ signal: Int32) { received.store(signal, ordering: .relaxed) }

    package static var isRequested: Bool { received.load(ordering: .relaxed) != 0 }

    /// Throws if the work is to end.
    package static func check() throws(Interrupted) {
        let signal = received.load(ordering: .relaxed)
        if signal != 0 { throw Interrupted(signal: signal) }
    }

    /// The number of the signal; 0 if there has been none.
    package static var receivedSignal: Int32 { received.load(ordering: .relaxed) }
}
