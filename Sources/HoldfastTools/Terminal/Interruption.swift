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
    /// A pipe that the handler writes into at a prompt, so that a wait for input ends; -1 before
    /// `beginAtPrompt`.
    private static let wakeReader = Atomic<Int32>(-1)
    private static let wakeWriter = Atomic<Int32>(-1)

    // MARK: Asking

    package static var isRequested: Bool { received.load(ordering: .relaxed) != 0 }

    /// Throws if the work is to end.
    package static func check() throws(Interrupted) {
        let signal = received.load(ordering: .relaxed)
        if signal != 0 { throw Interrupted(signal: signal) }
    }

    /// The number of the signal; 0 if there has been none.
    package static var receivedSignal: Int32 { received.load(ordering: .relaxed) }

    // MARK: One piece of work

    /// From now on SIGINT, SIGTERM and SIGHUP are recorded. SIGPIPE and SIGXFSZ become errors of
    /// the calls that meet them.
    package static func begin() {
        Signal.brokenPipe.ignore()
        Signal.fileSizeLimit.ignore()
        for signal in [Signal.interrupt, .terminate, .hangUp] {
            signal.handleOnce { Interruption.note($0) }
        }
    }

    // MARK: A prompt

    /// From now on Ctrl-C never ends the program: it is recorded, again after each `take`, and ends
    /// a wait for input. For a terminal only: a script ends by it.
    package static func beginAtPrompt() {
        guard let pipe = WakePipe() else { return }
        wakeReader.store(pipe.reader.number, ordering: .relaxed)
        wakeWriter.store(pipe.writer.number, ordering: .relaxed)
        Signal.interrupt.handleAlways { Interruption.note($0) }
    }

    /// Whether a signal was recorded; the next one counts anew.
    @discardableResult
    package static func take() -> Bool {
        WakePipe.empty(FileDescriptor(wakeReader.load(ordering: .relaxed)))
        return received.exchange(0, ordering: .relaxed) != 0
    }

    /// Waits until there is something to read from `descriptor`; false if Ctrl-C came first, or at
    /// all.
    package static func waitForInput(_ descriptor: FileDescriptor) -> Bool {
        let wake = FileDescriptor(wakeReader.load(ordering: .relaxed))
        while !isRequested {
            if WakePipe.wait(for: descriptor, orWakeOf: wake) { return true }
        }
        return false
    }

    // MARK: The handler

    /// In a signal handler: a store, and a write that never waits.
    private static func note(_ signal: Int32) {
        received.store(signal, ordering: .relaxed)
        let writer = wakeWriter.load(ordering: .relaxed)
        if writer >= 0 { WakePipe.wake(FileDescriptor(writer)) }
    }
}
