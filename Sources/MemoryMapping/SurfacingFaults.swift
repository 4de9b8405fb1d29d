/// The checks of the scoped calls around a closure that uses a mapped file's bytes.
extension AddressReservation {
    /// Throws `access` if a page of the file at `path` was inaccessible. O(1).
    func checkFault(of path: String?) throws(MappingError) {
        if firstFault != nil { throw MappingError(.access, path: path, SystemCalls.inputOutput) }
    }

    /// Calls `body`; after a fault, throws that instead of returning the result. A fault takes
    /// precedence over an error of `body`, which may have resulted from the zeros.
    func surfacingFaults<R>(
        of path: String?, _ body: () throws(MappingError) -> R
    ) throws(MappingError) -> R {
        // Pages lost by an earlier closure are lost for this one too, and would read as zeros
        // without another fault.
        try checkFault(of: path)
        let outcome = Result { () throws(MappingError) in try body() }
        try checkFault(of: path)
        return try outcome.get()
    }

    /// The same for a `body` with errors of its own.
    func surfacingFaults<R, Failure: Error>(of path: String?, _ body: () throws(Failure) -> R)
        throws -> R
    {
        try checkFault(of: path)
        let outcome = Result { () throws(Failure) in try body() }
        try checkFault(of: path)
        return try outcome.get()
    }
}
