/// Makes a struct the declaration of what a heap holds: each of its properties is a root.
///
///     @HeapSchema
///     struct Shop {
///         var stock: PersistentMap<String, Int>
///         var log: PersistentArray<Movement>
///         var settings: PersistentValue<Settings> = PersistentValue(Settings())
///         var lastOrder = 0
///     }
///
///     let shop = try TypedHeap<Shop>.open("shop.heap")
///     try shop.write { $0.stock["bolt", default: 0] += 120 }
///     let bolts = try shop.read { $0.stock["bolt"] }
///
/// The macro writes the conformance to ``HeapSchema`` and the accessors of the properties. The type
/// of each must be written, unless its initial value is a row of digits, a string, `true` or
/// `false`:
///
/// - A collection begins empty, or with its initial value.
/// - A ``PersistentValue`` begins with its initial value. The fields of a record in it are read and
///   changed in place.
/// - A property of any other type is a single value, which is copied out when it is read and in
///   when it is set. It needs an initial value; that of an optional is nil.
///
/// A property's name is the name of its root. ``HeapRoot(_:)`` gives it another one, so that a
/// property can be renamed. Adding and removing properties is no migration: a new root is created
/// when the heap is next opened for writing, and one that is no longer declared stays.
///
/// In a module whose declarations are isolated to the main actor by default, write
/// `nonisolated struct`.
@attached(memberAttribute)
@attached(member, names: named(heapRoots), named(init(heapRoots:)), named(declaredRoots))
@attached(extension, conformances: HeapSchema, TransactionBound)
public macro HeapSchema() = #externalMacro(module: "HoldfastMacros", type: "HeapSchemaMacro")

/// Makes a property of a ``HeapSchema`` find its root. ``HeapSchema()`` adds it to each property.
@attached(accessor)
public macro HeapRoot() = #externalMacro(module: "HoldfastMacros", type: "HeapRootMacro")

/// Gives the root of a property another name than the property's own.
///
///     @HeapRoot("stock") var inventory: PersistentMap<String, Int>
///
/// The name must be written as a string literal.
@attached(accessor)
public macro HeapRoot(_ name: String) =
    #externalMacro(module: "HoldfastMacros", type: "HeapRootMacro")
