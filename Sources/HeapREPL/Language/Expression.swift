/// An expression: a tree whose nodes know their places in the input.
struct Expression {
    indirect enum Form {
        case literal(Value)
        /// A root, or a session's name for one.
        case name(String)
        case list([Expression])
        case dictionary([(key: Expression, value: Expression)])
        case unary(Operator, Expression)
        case binary(Operator, Expression, Expression)
        /// `10 ..< 20`, `10...`, `..<20`.
        case range(Expression?, Expression?, isClosed: Bool)
        /// `<` or `>` in place of a value, as in `sorted(by: >)`.
        case order(isAscending: Bool)
        /// `condition ? yes : no`.
        case choice(Expression, Expression, Expression)
        /// `base.name`, or `base?.name`, which is nil if the base is.
        case member(Expression, String, isOptional: Bool)
        /// `base.name(…)`.
        case call(Expression, String, [Argument], isOptional: Bool)
        case element(Expression, [Argument])
        /// `base!`.
        case forced(Expression)
        /// `Point(x: 1)`, `Int(3.5)`.
        case construction(String, [Argument])
        /// `map<String, Int>()`.
        case container(TypeName, [Argument])
        /// `.cash`, `.card(number: "4111")`: a case of an enum that the place determines.
        case enumCase(String, [Argument])
    }

    let form: Form
    let location: Location
    /// The height of the tree. It is limited, since recursive functions walk the tree.
    let height: Int

    static let highest = 400
}

/// A value between the parentheses of a call or the brackets of a subscript.
struct Argument {
    let label: String?
    let value: Expression
    let location: Location
}

enum Operator: String {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case remainder = "%"
    case equal = "=="
    case unequal = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case and = "&&"
    case or = "||"
    case not = "!"
    case coalesce = "??"
    case halfOpenRange = "..<"
    case closedRange = "..."

    /// The precedence, as in Swift.
    var precedence: Int {
        switch self {
        case .multiply, .divide, .remainder: 7
        case .add, .subtract: 6
        case .halfOpenRange, .closedRange: 5
        case .coalesce: 4
        case .equal, .unequal, .less, .lessOrEqual, .greater, .greaterOrEqual: 3
        case .and: 2
        case .or: 1
        case .not: 8
        }
    }
}

/// A type in source notation: `Int`, `String?`, `map<String, array<Int>>`, `[String: Int]`.
struct TypeName {
    indirect enum Form {
        case named(String)
        case generic(String, [TypeName])
        case optional(TypeName)
    }

    let form: Form
    let location: Location
}

/// A whole line, or one of several statements separated by semicolons.
struct Statement {
    enum Form {
        case expression(Expression)
        /// `target = value`, `target += value`, `target: type = value`.
        case assignment(target: Expression, type: TypeName?, Operator?, value: Expression)
        case structure(name: String, fields: [(name: String, type: TypeName, location: Location)])
        /// `delete a, b`.
        case delete([(name: String, location: Location)])
        case command(Command)
    }

    let form: Form
    let location: Location
}

/// A statement that is not a change of data, on a line of its own.
enum Command: Equatable {
    case begin, commit, abort, sync, stats, roots, map, help, quit
    /// The root, and the number of changes after which to stop, or nil to run until interrupted.
    case watch(String, changes: Int?)

    static let simple: [String: Command] = [
        "begin": .begin, "commit": .commit, "abort": .abort, "sync": .sync, "stats": .stats,
        "roots": .roots, "map": .map,
        "help": .help,
        "quit": .quit,
    ]

    /// Every word that begins a command or a declaration.
    static let words = simple.keys.sorted() + ["delete", "struct", "watch"]
}
