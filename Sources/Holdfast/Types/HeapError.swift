import HoldfastEngine

/// Everything that can go wrong with a heap; see the cases for what each means and what to do.
public typealias HeapError = HoldfastEngine.HeapError
