import HoldfastFormat
import HoldfastSystem

extension LineIndex {
    /// The damaged pages in `file` among those that these lines change. Called before any write: no
    /// damaged page may get a new checksum.
    func damagedPages(of file: any DiskFile, _ header: HeapHeader) throws(SystemError) -> [Int] {
        var verifier = PageVerifier(file: file, header: header)
        return try verifier.damaged(among: (0 ..< pageCount).lazy.map { self[$0].number })
    }
}
