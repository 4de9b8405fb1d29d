import Foundation
import Holdfast
import HoldfastInspection
import HoldfastSystem
import HoldfastTools

extension Verb {
    static let map = Verb(
        name: "map", summary: "draw a picture of a heap, page by page",
        operands: [heapFile],
        options: [
            Option(
                name: "svg", value: "OUT",
                summary: "write an SVG file",
                completion: .file),
            Option(
                name: "html", value: "OUT",
                summary: "write an HTML page with tables", completion: .file),
            Option(
                name: "width", value: "COLUMNS",
                summary: "columns of the drawing (default those of the terminal)"),
            Option(
                name: "checksums",
                summary:
                    "compare every page with its checksum too, and cross out those that are damaged"
            ),
            json,
            timeout,
        ],
        details: [
            "Every page of 4 KiB in the order of the file: its use, the bytes of each root in it, "
                + "the free space, and how full slabs are; damaged pages are crossed out. Of a "
                + "large heap, one square stands for several pages; the picture says for how many. "
                + "Where there are no colours, letters stand for the roots.",
            "Reads only, and shows one commit; readers and writers in other processes continue. "
                + "Reads all that the roots lead to.",
        ],
        examples: [
            Example(command: "map inventory.heap", meaning: "A picture in the terminal."),
            Example(
                command: "map inventory.heap --svg heap.svg --html heap.html",
                meaning: "The same as files."),
        ]
    ) { call in
        let width = try call.number("width", in: TerminalMap.narrowest ... 1000)
        let heap = try call.openHeap(.readOnly)
        defer { try? heap.close() }
        try call.warn(of: heap)
        let use = try heap.pageUse(comparingChecksums: !call.has("quick"))
        let map = HeapMap(use, title: URL(fileURLWithPath: call.path).lastPathComponent)
        var isDrawn = false
        for (option, text) in [("svg", SVGMap.text), ("html", HTMLMap.text)] {
            guard let path = call.value(option) else { continue }
            try PictureFile.write(text(map), to: path, besideHeap: call.path)
            if !call.has("json") {
                try call.print("\(DisplayText.oneLine(path)): \(FileSize(path).text)")
            }
            isDrawn = true
        }
        if call.has("json") {
            try call.print(json(of: use, path: call.path).indentedText)
        } else if !isDrawn {
            let traits = call.output.traits
            let lines = TerminalMap.lines(
                map, width: width ?? traits.width, colours: traits.hasColour ? .palette256 : .none)
            for line in lines { try call.print(line) }
        }
        let problems =
            use.damagedPages.map { "page \($0) does not match its checksum" } + use.problems
        guard let first = problems.first else { return .fine }
        throw CommandFailure(
            "\(call.path) is damaged: \(first). Find out more with: holdfast check \(call.path)")
    }

    private static func json(of use: HeapPages, path: String) -> JSONText {
        let stretches = use.map { stretch -> JSONText in
            var members: [(String, JSONText)] = [
                ("firstPage", .integer(stretch.pages.lowerBound)),
                ("pages", .integer(stretch.pages.count)),
                ("use", .string(stretch.kind.word)),
                ("usedBytes", .integer(stretch.usedBytes)),
            ]
            if case .slab(let slab) = stretch.kind {
                members += [
                    ("slotBytes", .integer(slab.slotBytes)), ("slots", .integer(slab.slots)),
                    ("usedSlots", .integer(slab.usedSlots)),
                ]
            }
            members.append(
                (
                    "owners",
                    .array(
                        stretch.shares.map {
                            ["owner": .string(use.name(of: $0.owner)), "bytes": .integer($0.bytes)]
                                as JSONText
                        })
                ))
            return .object(members)
        }
        return [
            "path": .string(path), "pageBytes": .integer(HeapMap.pageBytes),
            "pageCount": .integer(use.pageCount),
            "catalogueBytes": .integer(use.catalogueBytes),
            "unreachedBytes": .integer(use.unreachedBytes),
            "isComplete": .bool(use.isComplete),
            "damagedPages": .array(use.damagedPages.map { .integer($0) }),
            "roots": .array(
                use.roots.map { root in
                    [
                        "name": .string(root.root.name), "bytes": .integer(root.bytes),
                        "blocks": .integer(root.blocks),
                        "isFollowed": .bool(root.isFollowed),
                    ] as JSONText
                }), "stretches": .array(stretches),
        ]
    }
}

extension HeapPages.Kind {
    fileprivate var word: String {
        switch self {
        case .header: "header"
        case .allocator: "allocator"
        case .checksums: "checksums"
        case .free: "free"
        case .run: "run"
        case .slab: "slab"
        case .damagedSlab: "damaged slab"
        case .unaccounted: "unaccounted"
        }
    }
}

extension HeapPages {
    /// Returns the name of a root, or another owner in brackets. A root could have such a name too,
    /// but that is unlikely.
    fileprivate func name(of owner: Owner) -> String {
        switch owner {
        case .root(let index): roots[index].root.name
        case .catalogue: "(catalogue)"
        case .unreached: "(unreached)"
        }
    }
}

/// A picture on the disk: complete or absent.
private enum PictureFile {
    static func write(_ text: String, to path: String, besideHeap heap: String) throws {
        if let picture = FileIdentity(path), picture == FileIdentity(heap) {
            throw CommandFailure(
                "\(path) is the heap itself and was not overwritten. Name another file for the "
                    + "picture."
            )
        }
        try WholeFile.write(text, to: path)
    }
}

/// Identifies a file independently of its name.
private struct FileIdentity: Equatable {
    private let system: Int
    private let number: Int

    init?(_ path: String) {
        let resolved = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: resolved),
            let system = attributes[.systemNumber] as? Int,
            let number = attributes[.systemFileNumber] as? Int
        else { return nil }
        self.system = system
        self.number = number
    }
}
