import Holdfast
import HoldfastEngine

extension ReadTransaction {
    /// Returns the contradictions in a root and everything that it leads to or, without a name, in
    /// the catalogue alone. Calls `mayGoOn` now and then; if it returns false, returns the
    /// contradictions found so far. O(size of the root's contents).
    package func problems(inRoot name: String?, goingOn mayGoOn: @escaping () -> Bool) -> [String] {
        RunTimeTypes.install()
        var verification = Verification(access)
        if let name { verification.onlyRoot = name } else { verification.followsRoots = false }
        verification.mayGoOn = { _ in mayGoOn() }
        verification.followRoots()
        return verification.problems
    }
}
