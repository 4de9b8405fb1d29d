import HoldfastSystem
import HoldfastTools
import MemoryMapping

// A heap's file must not get the number of a closed standard descriptor: output would be written
// into the heap.
FileDescriptor.reserveStandardNumbers()
Interruption.begin()
CurrentProcess.end(status: Program().run(PathBytes.commandLineArguments()))
