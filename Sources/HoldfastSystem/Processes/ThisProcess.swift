/// The processes that use something which no other process can see: this one alone. Asks the system
/// for its ID and nothing else.
package struct ThisProcess: ProcessDirectory {
    package init() {}

    package var current: ProcessIdentity {
        ProcessIdentity(number: CurrentProcess.number, startTime: 0)
    }

    package func isAlive(_ process: ProcessIdentity) -> Bool { true }

    /// Not `unknown`, which stands for boots that cannot be told apart.
    package var boot: BootID { BootID(high: 0, low: 1) }
}
