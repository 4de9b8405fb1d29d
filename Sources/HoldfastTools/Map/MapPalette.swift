/// The colours of pictures. Roots have the colours of Okabe and Ito, which are distinguishable with
/// any kind of colour vision. The heap's own pages are grey.
enum MapPalette {
    struct Colour {
        let hex: String
        /// The nearest of a terminal's 256 colours that is visible on black and on white.
        let terminal: Int
    }

    static let roots: [Colour] = [
        Colour(hex: "#E69F00", terminal: 214), Colour(hex: "#56B4E9", terminal: 75),
        Colour(hex: "#009E73", terminal: 36),
        Colour(hex: "#CC79A7", terminal: 175), Colour(hex: "#0072B2", terminal: 25),
        Colour(hex: "#D55E00", terminal: 166),
        Colour(hex: "#F0E442", terminal: 227),
    ]

    static var count: Int { roots.count }

    static let letters: [Character] = Array("ABCDEFG")

    /// Returns a colour for each root, in the order of their sizes. A root's name determines its
    /// colour, unless a larger root has taken it. So a root usually keeps its colour when other
    /// roots change.
    static func colours(ofRootsNamed names: [String]) -> [Int] {
        var taken = Set<Int>()
        return names.map { name in
            // FNV-1a.
            let hash = name.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
                ($0 ^ UInt64($1)) &* 0x100_0000_01b3
            }
            var colour = Int(hash % UInt64(count))
            while taken.contains(colour) { colour = (colour + 1) % count }
            taken.insert(colour)
            return colour
        }
    }
}

extension HeapMap.Use {
    /// The class of its shapes in the picture's style sheet.
    var styleClass: String {
        switch self {
        case .root(let colour): "r\(colour)"
        case .otherRoots: "other"
        case .catalogue: "catalogue"
        case .unreached: "unreached"
        case .records: "records"
        case .checksums: "sums"
        case .slack: "slack"
        case .free: "free"
        case .unaccounted: "bad"
        }
    }

    /// One of a terminal's 256 colours, or nil for the terminal's own background.
    var terminalColour: Int? {
        switch self {
        case .root(let colour): MapPalette.roots[colour].terminal
        case .otherRoots: 137
        case .catalogue: 97
        case .unreached: 231
        case .records: 243
        case .checksums: 240
        case .slack: 237
        case .free: nil
        case .unaccounted: 160
        }
    }

    /// Returns the letter that is used without colours.
    func letter(rootNumber: Int) -> Character {
        switch self {
        case .root: MapPalette.letters[rootNumber]
        case .otherRoots: "O"
        case .catalogue: "@"
        case .unreached: "?"
        case .records: "#"
        case .checksums: "%"
        case .slack: "_"
        case .free: "."
        case .unaccounted: "X"
        }
    }
}
