import Holdfast
import HoldfastInspection
import HoldfastTools

/// The output of `map`: every page of the file as a square in the colour, or with the letter, of
/// its contents.
enum Picture {
    static func lines(of heap: PersistentHeap) throws -> [String] {
        let traits = TerminalTraits(descriptor: .standardOutput)
        let title = heap.path.split(separator: "/").last.map(String.init) ?? heap.path
        return TerminalMap.lines(
            HeapMap(try heap.pageUse(), title: title), width: traits.width,
            colours: traits.hasColour ? .palette256 : .none)
    }
}
