/// The long snapshots that have been reported and are still open.
struct LongSnapshots {
    private struct Snapshot: Hashable {
        var entry: Int
        var start: UInt64

        init(_ view: OpenView) {
            entry = view.entry
            start = view.start
        }
    }

    private var reported: Set<Snapshot> = []

    /// Returns the snapshots that have not been reported yet, and records them as reported.
    mutating func new(among views: [OpenView]) -> [OpenView] {
        let before = reported
        reported = Set(views.map(Snapshot.init))
        return views.filter { !before.contains(Snapshot($0)) }
    }
}
