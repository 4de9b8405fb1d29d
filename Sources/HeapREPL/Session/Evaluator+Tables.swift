import HoldfastInspection

extension Evaluator {
    /// Makes the indexes of the tables anew that a statement has changed something in.
    func rebuildIndexes(after statement: Statement) throws {
        for path in statement.paths {
            // What has been removed leads nowhere.
            guard case .place(let place)? = try? operand(of: path) else { continue }
            try place.rebuildIndexes()
        }
    }
}

extension Statement {
    /// The expressions that lead from a root to a place, without those that call something.
    fileprivate var paths: [Expression] {
        var paths: [Expression] = []
        for expression in expressions {
            try? expression.forEach { if $0.isPath { paths.append($0) } }
        }
        return paths
    }
}

extension Expression {
    fileprivate var isPath: Bool {
        switch form {
        case .name: true
        case .member(let base, _, _), .element(let base, _), .forced(let base): base.isPath
        default: false
        }
    }
}
