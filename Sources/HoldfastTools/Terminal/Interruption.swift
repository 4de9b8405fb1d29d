import HoldfastSystem
import Synchronization

/// Ctrl-C and similar signals, as a flag that long-running work polls. The work stops at a point
/// where it can leave everything unchanged. A second signal ends the process immediately.
package enum Interruption {
    /// The work was interrupted.
    package struct Interrupted: Error {
        package let signal: Int32
    }

    private static let received = Atomic<Int32>(0)
    /// A pipe that the handler writes to at a prompt, to end a wait for input. -1 before
    /// `beginAtPrompt`.
    private static let wakeReader = Atomic<Int32>(-1)
    private static let wakeWriter = Atomic<Int32>(-1)

    // MARK: Polling

    package static var isRequested: Bool { received.load(ordering: .relaxed) != 0 }

    /// Throws if the work has been interrupted.
    package static func check() throws(Interrupted) {
        let signal = received.load(ordering: .relaxed)
        if signal != 0 { throw Interrupted(signal: signal) }
    }

    /// The number of the signal, or 0 if there has been none.
    package static var receivedSignal: Int32 { received.load(ordering: .relaxed) }

    // MARK: One piece of work

    /// Starts recording SIGINT, SIGTERM and SIGHUP. SIGPIPE and SIGXFSZ become errors of the calls
    /// that cause them.
    package static func begin() {
        rehearse()
        Signal.brokenPipe.ignore()
        Signal.fileSizeLimit.ignore()
        for signal in [Signal.interrupt, .terminate, .hangUp] {
            signal.handleOnce { Interruption.note($0) }
        }
    }

    // MARK: A prompt

    /// Makes Ctrl-C at a prompt record a signal instead of ending the program. The signal ends a
    /// wait for input and is recorded again after each `take`. Only for terminals; a script is
    /// ended by Ctrl-C.
    package static func beginAtPrompt() {
        guard let pipe = WakePipe() else { return }
        wakeReader.store(pipe.reader.number, ordering: .relaxed)
        wakeWriter.store(pipe.writer.number, ordering: .relaxed)
        rehearse()
        Signal.interrupt.handleAlways { Interruption.note($0) }
    }

    /// Returns whether a signal was recorded, and resets the record.
    @discardableResult
    package static func take() -> Bool {
        WakePipe.empty(FileDescriptor(wakeReader.load(ordering: .relaxed)))
        return received.exchange(0, ordering: .relaxed) != 0
    }

    /// Waits for input on `descriptor`. Returns false if Ctrl-C has been recorded or arrives first.
    package static func waitForInput(_ descriptor: FileDescriptor) -> Bool {
        let wake = FileDescriptor(wakeReader.load(ordering: .relaxed))
        while !isRequested {
            if WakePipe.wait(for: descriptor, orWakeOf: wake) { return true }
        }
        return false
    }

    // MARK: The handler

    /// Completes all lazy initialisation that the handler needs. A signal that interrupts the
    /// initialisation of a variable would wait in the handler for its end, for ever.
    private static func rehearse() {
        note(0)
        take()
    }

    /// Runs in a signal handler: a store, and a write that never blocks.
    private static func note(_ signal: Int32) {
        received.store(signal, ordering: .relaxed)
        let writer = wakeWriter.load(ordering: .relaxed)
        if writer >= 0 { WakePipe.wake(FileDescriptor(writer)) }
    }
}
