/// The checks that the scoped calls make around a closure that uses a mapped file's bytes.
extension AddressReservation {
    /// Throws `access` if a page of the file at `path` could not be had. O(1).
    func checkFault(of path: String?) throws(MappingError) {
        if firstFault != nil { throw MappingError(.access, path: path, SystemCalls.inputOutput) }
    }

    /// Calls `body`; a fault is thrown instead of its result. It comes before an error of `body`
    /// too: what that made of the zeros says nothing of the file.
    func surfacingFaults<R>(
        of path: String?, _ body: () throws(MappingError) -> R
    ) throws(MappingError) -> R {
        // What an earlier closure lost is lost for this one, and would be read as zeros without
        // another fault.
        try checkFault(of: path)
        let outcome = Result { () throws(MappingError) in try body() }
        try checkFault(of: path)
        return try outcome.get()
    }

    /// The same for bodies with errors of their own.
    func surfacingFaults<R, Failure: Error>(of path: String?, _ body: () throws(Failure) -> R)
        throws -> R
    {
        try checkFault(of: path)
        let outcome = Result { () throws(Failure) in try body() }
        try checkFault(of: path)
        return try outcome.get()
    }
}
