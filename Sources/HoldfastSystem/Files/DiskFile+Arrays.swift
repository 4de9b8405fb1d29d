/// Reading and writing arrays.
extension DiskFile {
    /// Writes all of `bytes` at `offset`, or throws.
    package func write(_ bytes: [UInt8], at offset: Int) throws(SystemError) {
        var failure: SystemError?
        unsafe bytes.withUnsafeBytes { raw in
            do throws(SystemError) { unsafe try write(raw, at: offset) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Fills `bytes` from `offset`. Returns the bytes read, fewer than asked for only at the end of
    /// the file.
    package func read(_ bytes: inout [UInt8], at offset: Int) throws(SystemError) -> Int {
        var failure: SystemError?
        var count = 0
        unsafe bytes.withUnsafeMutableBytes { raw in
            do throws(SystemError) { count = unsafe try read(into: raw, at: offset) } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return count
    }

    /// Fills all of `buffer` from `offset`, with zeros behind the end of the file.
    package func readOrZeros(into buffer: UnsafeMutableRawBufferPointer, at offset: Int)
        throws(SystemError)
    {
        let count = unsafe try read(into: buffer, at: offset)
        if count < buffer.count {
            unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).initializeMemory(
                as: UInt8.self, repeating: 0)
        }
    }
}
