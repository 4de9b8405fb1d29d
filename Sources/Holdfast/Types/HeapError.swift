import HoldfastEngine

/// An error of a heap. The cases say what each error means and how to respond to it.
public typealias HeapError = HoldfastEngine.HeapError
