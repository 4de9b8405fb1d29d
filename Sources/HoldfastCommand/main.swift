import HoldfastTools
import MemoryMapping

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

// A closed standard descriptor must not become the number of a heap's file: what is written to it
// would be written into the heap.
for descriptor in [0, 1, 2] as [Int32] where fcntl(descriptor, F_GETFD) < 0 {
    _ = open("/dev/null", O_RDONLY)
}
Interruption.begin()
exit(Program().run(PathBytes.commandLineArguments()))
