/// The only process that uses something which no other process can see. Asks the system for its ID
/// and nothing else.
package struct LoneProcess: RunningProcess {
    package init() {}

    package var identity: ProcessIdentity {
        ProcessIdentity(number: CurrentProcess.number, namespace: 0)
    }

    /// Not `unknown`, which stands for boots that cannot be told apart.
    package var boot: BootID { BootID(high: 0, low: 1) }
}
