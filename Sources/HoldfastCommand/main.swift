import HoldfastSystem
import HoldfastTools
import MemoryMapping

// A closed standard descriptor must not become the number of a heap's file: output to it would be
// written into the heap.
FileDescriptor.reserveStandardNumbers()
Interruption.begin()
CurrentProcess.end(status: Program().run(PathBytes.commandLineArguments()))
