import Holdfast
import HoldfastInspection
import HoldfastTools

/// Reads lines, runs them and shows the results, until there are no more.
final class Session {
    /// A reason to end the program before the last line.
    enum End: Error {
        case quit
        /// A script's first error, which has been reported.
        case failed
    }

    let heap: PersistentHeap
    let output: Console
    private let lines: any LineSource
    /// Whether a user is at the terminal, so that the session prompts and continues after an error.
    let isInteractive: Bool
    var types = TypeTable()
    private var completion = Completion()
    /// The shapes of the roots' types, by their descriptions.
    private var shapes: [String: TypeShape] = [:]
    /// The last input, to which errors without a place of their own belong.
    private var latest: Entry?
    /// The number of the last line that was read.
    private var lineNumber = 0

    init(_ heap: PersistentHeap, _ lines: any LineSource, _ output: Console, isInteractive: Bool) {
        self.heap = heap
        self.lines = lines
        self.output = output
        self.isInteractive = isInteractive
    }

    // MARK: Lines

    /// A complete input of one or several lines.
    struct Entry {
        let text: String
        let firstLine: Int
    }

    /// The maximum size of a statement in bytes.
    private static let longestEntry = 1 << 20

    /// Returns the next entry, or nil at the end.
    private func nextEntry(prompt: String) throws -> Entry? {
        while true {
            _ = Interruption.take()
            switch try lines.next(prompt: prompt, completion: completion) {
            case .end: return nil
            case .interrupted: continue
            case .line(let line):
                lineNumber += 1
                lines.remember(line)
                guard let entry = try rest(of: line) else { continue }
                guard entry.text.contains(where: { !$0.isWhitespace }) else { continue }
                latest = entry
                return entry
            }
        }
    }

    /// Returns nil if the input was cancelled.
    private func rest(of first: String) throws -> Entry? {
        var text = first
        let number = lineNumber
        var lexer = Lexer()
        var needsMore = lexer.needsMore(after: first)
        while needsMore {
            guard text.utf8.count <= Self.longestEntry else {
                try report(
                    InputError(
                        "the statement is longer than \(Self.longestEntry) bytes",
                        at: Location(line: number, column: 1)),
                    Entry(text: first, firstLine: number))
                return nil
            }
            switch try lines.next(prompt: "... ", completion: completion) {
            case .interrupted: return nil
            case .end: return Entry(text: text, firstLine: number)
            case .line(let line):
                lineNumber += 1
                lines.remember(line)
                text += "\n" + line
                needsMore = lexer.needsMore(after: line)
            }
        }
        return Entry(text: text, firstLine: number)
    }

    // MARK: Running

    /// Runs all lines and returns the exit status.
    func run() throws -> Int32 {
        do {
            try refresh(heap.read { tx in tx.roots })
            while let entry = try nextEntry(prompt: "> ") {
                try reporting(entry) { try runOutside(entry) }
            }
            return 0
        } catch End.quit {
            return 0
        } catch End.failed {
            return 1
        }
    }

    /// Runs an entry and reports its error. An error that cannot be reported, or that ends the
    /// program, is rethrown.
    private func reporting(_ entry: Entry, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let end as End {
            throw end
        } catch let failure as Console.Failure {
            throw failure
        } catch let failure as PlainLines.Failure {
            throw failure
        } catch {
            // A transaction that could not be committed failed at its last line.
            try report(error, error is InputError ? entry : latest ?? entry)
        }
    }

    private func report(_ error: any Error, _ entry: Entry) throws {
        if error is Interruption.Interrupted {
            _ = Interruption.take()
            return Console.complain(output.styled("interrupted; nothing was changed", .error))
        }
        let problem = error as? InputError ?? InputError("\(error)", at: firstLocation(of: entry))
        let message = Printable.line(problem.message)
        let lines = entry.text.split(separator: "\n", omittingEmptySubsequences: false)
        let index = problem.location.line - entry.firstLine
        let line = lines.indices.contains(index) ? String(lines[index]) : ""
        let picture = Excerpt(line: line, column: problem.location.column).picture(
            caret: output.styled("^", .error))
        if isInteractive {
            Console.complain("\(picture)\n\(output.styled("error:", .error)) \(message)")
        } else {
            Console.complain(
                "heap-repl: line \(problem.location.line), column \(problem.location.column): "
                    + "\(message)\n\(picture)"
            )
            throw End.failed
        }
    }

    private func firstLocation(of entry: Entry) -> Location {
        let indent = entry.text.prefix { $0.isWhitespace && !$0.isNewline }.count
        return Location(line: entry.firstLine, column: indent + 1)
    }

    private func runOutside(_ entry: Entry) throws {
        let statements = try Parser.statements(of: entry.text, line: entry.firstLine)
        guard let first = statements.first else { return }
        switch first.form {
        case .command(.begin): try transaction()
        case .command(let command): try run(command, at: first.location)
        case .structure(let name, let fields):
            try refresh(heap.read { tx in tx.roots })
            try types.declare(name, fields, at: first.location)
        default:
            let shown: [String]
            if statements.contains(where: \.changesHeap) {
                shown = try heap.write { tx in try run(statements, in: tx) }
            } else {
                shown = try heap.read { tx in try run(statements, in: tx) }
            }
            for text in shown { try output.print(text) }
            if isInteractive { try refresh(heap.read { tx in tx.roots }) }
        }
    }

    // MARK: A transaction over several lines

    private enum TransactionEnd: Error { case aborted }

    /// `begin`: the lines up to `commit` or `abort` run inside one write transaction, and so on one
    /// thread.
    private func transaction() throws {
        do {
            try heap.write { tx in
                if try !runLines(in: tx) { throw TransactionEnd.aborted }
            }
        } catch TransactionEnd.aborted {}
        try refresh(heap.read { tx in tx.roots })
    }

    /// Returns whether to commit.
    private func runLines(in tx: borrowing WriteTransaction) throws -> Bool {
        refresh(tx.roots)
        while let entry = try nextEntry(prompt: "begin> ") {
            let statements: [Statement]
            var effect = LineEffect.goOn
            do {
                statements = try Parser.statements(of: entry.text, line: entry.firstLine)
                effect = try runInside(statements, tx)
            } catch let end as End {
                throw end
            } catch let failure as Console.Failure {
                throw failure
            } catch {
                try report(error, entry)
            }
            switch effect {
            case .goOn: refresh(tx.roots)
            case .commit: return true
            case .abort: return false
            case .quit:
                try endInside()
                throw End.quit
            }
        }
        try endInside()
        throw End.quit
    }

    private enum LineEffect { case goOn, commit, abort, quit }

    /// An error in a script; a message on a terminal.
    private func endInside() throws {
        if isInteractive {
            try output.print(
                output.styled("the transaction was not committed and has been rolled back", .note))
        } else {
            Console.complain(
                "heap-repl: line \(lineNumber), column 1: the script ends inside a transaction, "
                    + "which has been rolled back; end it with commit or abort"
            )
            throw End.failed
        }
    }

    private func runInside(_ statements: [Statement], _ tx: borrowing WriteTransaction) throws
        -> LineEffect
    {
        guard let first = statements.first else { return .goOn }
        switch first.form {
        case .command(.commit): return .commit
        case .command(.abort): return .abort
        case .command(.quit): return .quit
        case .command(.help): try output.print(Help.text)
        case .command(.roots): try show(rootList(tx))
        case .command(.begin):
            throw InputError(
                "a transaction is already open; end it with commit or abort", at: first.location)
        case .command:
            throw InputError(
                "not inside a transaction; end it with commit or abort first", at: first.location)
        case .structure(let name, let fields): try types.declare(name, fields, at: first.location)
        default: for text in try run(statements, in: tx) { try output.print(text) }
        }
        return .goOn
    }

    // MARK: Statements

    private func run(_ statements: [Statement], in tx: borrowing ReadTransaction) throws -> [String]
    {
        var shown: [String] = []
        let roots = tx.roots
        // Other processes may have created roots since the last line.
        refresh(roots)
        let names = roots.map(\.name)
        for statement in statements {
            var places: [String: Place] = [:]
            for name in statement.names {
                if let place = try tx.place(ofRoot: name) { places[name] = Place(place) }
            }
            let effect = try Evaluator(roots: places, types: types, rootNames: names).run(statement)
            if case .show(let value) = effect { shown.append(value.text()) }
        }
        return shown
    }

    private func run(_ statements: [Statement], in tx: borrowing WriteTransaction) throws
        -> [String]
    {
        var shown: [String] = []
        for statement in statements {
            if case .delete(let names) = statement.form {
                let roots = tx.roots.map(\.name)
                for root in names {
                    guard roots.contains(root.name) else {
                        let near =
                            Spelling.nearest(to: root.name, in: roots).map {
                                "; is it \(Name.text($0))?"
                            }
                            ?? "; `roots` lists all roots"
                        throw InputError(
                            "there is no root \(Printable.line(root.name))\(near)",
                            at: root.location)
                    }
                }
                for root in names { try tx.removeRoot(named: root.name) }
                continue
            }
            var places: [String: Place] = [:]
            for name in statement.names {
                if let place = try tx.place(ofRoot: name) { places[name] = Place(place) }
            }
            let roots = tx.roots
            refresh(roots)
            let evaluator = Evaluator(
                roots: places, types: types, rootNames: roots.map(\.name))
            let effect: Evaluator.Effect
            if statement.changesHeap, places.values.contains(where: \.leadsToTables) {
                effect = try tx.savepoint { _ in
                    let effect = try evaluator.run(statement)
                    try evaluator.rebuildIndexes(after: statement)
                    return effect
                }
            } else {
                effect = try evaluator.run(statement)
            }
            switch effect {
            case .nothing: break
            case .show(let value): shown.append(value.text())
            case .make(let name, let shape, let value):
                try tx.makeRoot(name, shape, value.plain(as: shape.content))
            case .note(let text): if isInteractive { shown.append(output.styled(text, .note)) }
            }
        }
        return shown
    }

    // MARK: Cached facts about the heap

    /// Caches the roots, for types and completion.
    func refresh(_ roots: [Root]) {
        var found: [String: TypeShape] = [:]
        for root in roots {
            if let shape = shapes[root.type.text] {
                found[root.name] = shape
            } else if let shape = root.type.shape {
                types.learn(from: shape)
                shapes[root.type.text] = shape
                found[root.name] = shape
            }
        }
        if isInteractive { completion = Completion(roots: found, types: types.names) }
    }
}

extension TypeShape {
    /// The type of the value itself, for a root that is a single value.
    var content: TypeShape {
        if case .generic("Value", let parameters) = self, parameters.count == 1 {
            parameters[0]
        } else {
            self
        }
    }
}
