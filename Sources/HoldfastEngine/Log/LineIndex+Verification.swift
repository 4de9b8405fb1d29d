import HoldfastFormat
import HoldfastSystem

extension LineIndex {
    /// The pages that these lines change and that are damaged in `file`. Called before anything is
    /// written: no damage may get a new checksum.
    func damagedPages(of file: any DiskFile, _ header: HeapHeader) throws(SystemError) -> [Int] {
        var verifier = PageVerifier(file: file, header: header)
        return try verifier.damaged(among: (0 ..< pageCount).lazy.map { self[$0].number })
    }
}
