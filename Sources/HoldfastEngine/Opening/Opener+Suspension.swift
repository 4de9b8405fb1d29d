import HoldfastFormat
import HoldfastSystem

/// Taking part again after a suspension.
///
/// A suspended opening has no lock and no entry in the reader table, so everything may have
/// happened meanwhile: others may have written and checkpointed, put the heap at rest, removed and
/// made anew the log and the shared file, compacted and truncated the file, died, or put another
/// file in its place. So nothing that was known is relied upon, except the open file. It is the
/// heap's if it has the heap's name and the heap's identity. Everything else is found out as by an
/// opening, under the same locks and in the same order.
extension Opener {
    /// Gives the memory of private pages back: an image without them is the file, whatever others
    /// write there. Nothing reads it until `resume`.
    func suspendImage() {
        guard view.image.privatePageBound > 0, let file = dataFile.file,
            let fileBytes = try? file.size()
        else { return }
        // If it fails, the pages go at the end of the suspension.
        try? view.image.dropPrivatePages(file, fileBytes: fileBytes)
    }

    /// Throws `replaced` if the file no longer has its name or is another heap now. On any error
    /// the caller withdraws again.
    func resume() throws(HeapError) {
        guard let file = dataFile.file else { throw HeapError.closed(path: dataFile.path) }
        dataFile.warnings = []
        try dataFile.requireSuitableFileSystem(file)
        let isInPlace = try takePart(file) { (header) throws(HeapError) in
            // A program may have written another heap over this one.
            guard header.identity == dataFile.identity else {
                throw HeapError.replaced(path: dataFile.path)
            }
            try beginFromFile(file)
        }
        guard isInPlace else { throw HeapError.replaced(path: dataFile.path) }
        try view.requireAllocatorRoot()
        view.committedPages = view.pagesInImage
    }

    /// The image is the file's own bytes again, as many as there are now: its pages may have been
    /// rewritten since, and its end cut off. Addresses stay, and so does the mapping if it is just
    /// that.
    private func beginFromFile(_ file: any DiskFile) throws(HeapError) {
        view.tornPages = nil
        let image = view.image
        image.endVisit()
        try dataFile.translating { () throws(SystemError) in try image.separateVisit(file) }
        guard !image.isFile(ofBytes: dataFile.byteCount) else { return }
        try image.dropPrivatePages(file, fileBytes: dataFile.byteCount)
    }
}
