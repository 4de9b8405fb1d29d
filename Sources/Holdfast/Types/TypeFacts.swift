/// Facts about types that are only known at run time.
package enum TypeFacts {
    package static func size(of type: Any.Type) -> Int {
        func size<T>(_ type: T.Type) -> Int { MemoryLayout<T>.size }
        return _openExistential(type, do: size)
    }

    package static func alignment(of type: Any.Type) -> Int {
        func alignment<T>(_ type: T.Type) -> Int { MemoryLayout<T>.alignment }
        return _openExistential(type, do: alignment)
    }
}
