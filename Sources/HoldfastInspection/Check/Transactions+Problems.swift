import Holdfast
import HoldfastEngine

extension ReadTransaction {
    /// What contradicts what in a root and all that it leads to, or, without a name, in the
    /// catalogue of roots alone. Asks now and then whether to go on; what has been found until then
    /// is returned. O(what the root leads to).
    package func problems(inRoot name: String?, goingOn mayGoOn: @escaping () -> Bool) -> [String] {
        RunTimeTypes.install()
        var verification = Verification(access)
        if let name { verification.onlyRoot = name } else { verification.followsRoots = false }
        verification.mayGoOn = { _ in mayGoOn() }
        verification.followRoots()
        return verification.problems
    }
}
