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
