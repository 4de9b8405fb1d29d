// An address has no meaning in another process.
import Holdfast

@Persistable struct Holder {
    // expected: 'raw' is a pointer
    var raw: UnsafeRawPointer
}

@Persistable(.plain) struct Plain {
    // expected: 'count' is a pointer
    var count: UnsafeMutablePointer<Int>?
}
