/// What the command line asks for.
struct Options {
    enum Form { case table, json, markdown }

    var filter = Filter()
    var form = Form.table
    var charts: String?
    var rounds = 5
    var long = false
    var list = false

    init(_ arguments: ArraySlice<String>) {
        var arguments = arguments
        func value() -> String {
            guard let value = arguments.popFirst() else { exitWithUsage() }
            return value
        }
        while let argument = arguments.popFirst() {
            switch argument {
            case "--json": form = .json
            case "--markdown": form = .markdown
            case "--svg": charts = value()
            case "--only": filter.prefixes = value().split(separator: ",").map(String.init)
            case "--systems": filter.systems = Set(value().split(separator: ",").map(String.init))
            case "--long": long = true
            case "--list": list = true
            case "--rounds":
                guard let number = Int(value()), number > 0 else { exitWithUsage() }
                rounds = number
            default: exitWithUsage()
            }
        }
    }
}
