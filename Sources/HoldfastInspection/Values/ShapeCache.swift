import Holdfast
import Synchronization

/// The shapes of types, parsed once.
final class ShapeCache: Sendable {
    static let shared = ShapeCache()

    private let known = Mutex<[ObjectIdentifier: TypeShape]>([:])

    /// Returns the shape of a storable type, or a bare name if its description does not parse.
    func shape(of type: any Persistable.Type) -> TypeShape {
        let identifier = ObjectIdentifier(type)
        if let found = known.withLock({ $0[identifier] }) { return found }
        let shape = (try? type.describe())?.shape ?? .named("\(type)")
        known.withLock { $0[identifier] = shape }
        return shape
    }
}

extension PlainLayout {
    /// Returns the layout of a struct that the program declares; nil if its bytes are Swift's own
    /// matter.
    static func ofStruct(_ type: any Persistable.Type) -> PlainLayout? {
        let shape = ShapeCache.shared.shape(of: type)
        return TypeMaker.plain(shape.name) == nil ? make(shape) : nil
    }
}
