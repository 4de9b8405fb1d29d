/// Operators on values. Operations that would trap in Swift are errors here, reported at the
/// operator.
enum Arithmetic {
    static func apply(_ sign: Operator, _ left: Value, _ right: Value, at location: Location)
        throws(InputError) -> Value
    {
        switch sign {
        case .add, .subtract, .multiply, .divide, .remainder:
            return try combine(sign, left, right, location)
        case .equal, .unequal:
            let areEqual = Value.areEqual(left, right)
            return .bool(sign == .equal ? areEqual : !areEqual)
        case .less, .lessOrEqual, .greater, .greaterOrEqual:
            return try .bool(isOrdered(sign, left, right, location))
        case .and, .or, .not, .coalesce, .halfOpenRange, .closedRange:
            throw InputError("“\(sign.rawValue)” cannot be used like this", at: location)
        }
    }

    static func negate(_ value: Value, at location: Location) throws(InputError) -> Value {
        switch value {
        case .integer(let number):
            let (result, isBeyond) = Int128(0).subtractingReportingOverflow(number)
            // The literal of the smallest Int is valid only with its sign: its magnitude is one
            // greater than the largest Int. A larger number is one for an Int128.
            let isWide = number.magnitude > UInt128(UInt64.max)
            guard !isBeyond, isWide || (result >= Int128(Int64.min) && result <= Int128(Int64.max))
            else { throw overflow("-\(number)", location) }
            return .integer(result)
        case .number(let number): return .number(-number)
        default: throw InputError("“-” cannot be applied to \(value.kind)", at: location)
        }
    }

    static func not(_ value: Value, at location: Location) throws(InputError) -> Value {
        .bool(!(try bool(value, location)))
    }

    static func bool(_ value: Value, _ location: Location) throws(InputError) -> Bool {
        guard case .bool(let bool) = value else {
            throw InputError("expected a Bool instead of \(value.kind)", at: location)
        }
        return bool
    }

    private static func isOrdered(
        _ sign: Operator, _ left: Value, _ right: Value, _ location: Location
    ) throws(InputError)
        -> Bool
    {
        if let left = left.double, let right = right.double, left.isNaN || right.isNaN {
            return false
        }
        guard let order = Value.compare(left, right) else {
            throw InputError("\(left.kind) and \(right.kind) have no order", at: location)
        }
        return switch sign {
        case .less: order < 0
        case .lessOrEqual: order <= 0
        case .greater: order > 0
        default: order >= 0
        }
    }

    private static func combine(
        _ sign: Operator, _ left: Value, _ right: Value, _ location: Location
    ) throws(InputError) -> Value {
        switch (left, right) {
        case (.integer(let left), .integer(let right)):
            return try .integer(integers(sign, left, right, location))
        case (.text(let left), .text(let right)) where sign == .add: return .text(left + right)
        case (.list(let left), .list(let right)) where sign == .add: return .list(left + right)
        case (.bytes(let left), .bytes(let right)) where sign == .add: return .bytes(left + right)
        default:
            guard let left = left.double, let right = right.double else {
                let hint = left == .null || right == .null ? "; “??” gives a nil another value" : ""
                throw InputError(
                    "“\(sign.rawValue)” cannot be applied to \(left.kind) and \(right.kind)\(hint)",
                    at: location)
            }
            return .number(numbers(sign, left, right))
        }
    }

    private static func integers(
        _ sign: Operator, _ left: Int128, _ right: Int128, _ location: Location
    ) throws(InputError)
        -> Int128
    {
        let result: Int128
        switch sign {
        case .add: result = left + right
        case .subtract: result = left - right
        case .multiply:
            let product = left.multipliedReportingOverflow(by: right)
            guard !product.overflow else { throw overflow("\(left) * \(right)", location) }
            result = product.partialValue
        default:
            guard right != 0 else { throw InputError("division by zero", at: location) }
            result = sign == .divide ? left / right : left % right
        }
        // The common type of both in Swift: Int or, if one of them is too large for it, UInt64.
        let isUnsigned = left > Int128(Int64.max) || right > Int128(Int64.max)
        let bounds = isUnsigned ? 0 ... Int128(UInt64.max) : Int128(Int64.min) ... Int128(Int64.max)
        guard bounds.contains(result) else {
            throw overflow("\(left) \(sign.rawValue) \(right)", location)
        }
        return result
    }

    private static func overflow(_ operation: String, _ location: Location) -> InputError {
        InputError("overflow: \(operation) does not fit into an Int", at: location)
    }

    private static func numbers(_ sign: Operator, _ left: Double, _ right: Double) -> Double {
        switch sign {
        case .add: left + right
        case .subtract: left - right
        case .multiply: left * right
        case .divide: left / right
        default: left.truncatingRemainder(dividingBy: right)
        }
    }
}
