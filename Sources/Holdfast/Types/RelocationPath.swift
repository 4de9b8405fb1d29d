/// Where a walk through nested collections has stopped: a part of an outermost collection, in that
/// a part of a collection inside, and so on.
///
/// Paths are ordered as the walk goes through their places.
struct RelocationPath: Comparable {
    struct Step: Comparable {
        /// The number of the collection among those of the part around it.
        var collection: Int
        /// The number of the part in the collection.
        var part: Int

        static func < (left: Step, right: Step) -> Bool {
            (left.collection, left.part) < (right.collection, right.part)
        }
    }

    var steps: [Step] = []

    static func < (left: RelocationPath, right: RelocationPath) -> Bool {
        left.steps.lexicographicallyPrecedes(right.steps)
    }
}
