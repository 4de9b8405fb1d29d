extension HeapError {
    private static let suspension = "the end of its suspension"

    /// The opening is suspended: its user takes part again and repeats the call. No program gets
    /// this error, so it is no case of its own.
    static func suspended(path: String) -> HeapError {
        .timedOut(path: path, waitingFor: suspension)
    }

    /// Whether this is `suspended`.
    var isOfSuspension: Bool {
        if case .timedOut(_, Self.suspension) = self { true } else { false }
    }
}
