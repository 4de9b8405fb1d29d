// Properties that cannot have an index.
import Holdfast

@Persistable struct Line {
    // expected: conform to 'PersistableOrderedKey'
    @Indexed var numbers: [Int]
}

@Persistable struct Rule {
    // expected: the argument of @Indexed must be written '.unique'
    @Indexed(Rule.kind) var name: String
    static let kind = IndexKind.unique
}

@Persistable struct Part {
    #if DEBUG
        // expected: a property under a condition cannot have an index
        @Indexed var name: String
    #else
        var name: String
    #endif
}
