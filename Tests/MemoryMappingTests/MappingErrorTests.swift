import TestSupport
import Testing

@testable import MemoryMapping

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite(.progress) struct MappingErrorTests {
    @Test func saysWhatHappenedToWhichFileAndWhatToDo() {
        let text = MappingError(.grow, path: "/data/big", code: ENOSPC).description
        #expect(text.hasPrefix("Could not grow /data/big: "))
        #expect(text.contains("error \(ENOSPC)"))
        #expect(text.hasSuffix("free some space and try again."))
    }

    @Test(arguments: [
        (MappingError.Operation.grow, EFBIG, "ulimit -f"), (.open, EACCES, "permissions"),
        (.reserve, ENOMEM, "ulimit -v"),
        (.open, ENOENT, "path"), (.open, EISDIR, "not a folder"), (.open, EINVAL, "regular file"),
        (.open, ENXIO, "regular file"),
        (.open, EMFILE, "ulimit -n"), (.sync, EIO, "disk failed"), (.open, EROFS, "read-only"),
        (.grow, EOPNOTSUPP, "without reserving"), (.map, ENODEV, "copy the file"),
        (.grow, EDQUOT, "quota"),
        (.access, EIO, "file was truncated"), (.access, EIO, "open the file again"),
    ])
    func advisesForTheCode(operation: MappingError.Operation, code: Int32, words: String) {
        #expect(MappingError(operation, path: "/f", code: code).description.contains(words))
    }

    @Test(arguments: MappingError.Operation.allCases)
    func everyOperationMakesASentence(operation: MappingError.Operation) {
        for path in [nil, "/some/file"] {
            let text = MappingError(operation, path: path, code: EINTR).description
            #expect(text.hasPrefix("Could not ") && text.hasSuffix("."))
            if let path { #expect(text.contains(path)) }
        }
    }

    @Test func comparesByAllParts() {
        let error = MappingError(.map, path: "/a", code: ENOMEM)
        #expect(error == MappingError(.map, path: "/a", code: ENOMEM))
        #expect(error != MappingError(.map, path: "/b", code: ENOMEM))
        #expect(error != MappingError(.map, path: "/a", code: EIO))
        #expect(error != MappingError(.sync, path: "/a", code: ENOMEM))
    }

    @Test func survivesUnknownCodes() {
        #expect(MappingError(.open, code: 99_999).description.contains("99999"))
    }
}
