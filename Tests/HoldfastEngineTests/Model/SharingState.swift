import TestSupport

/// All that processes share, and what each of them knows.
///
/// Only bytes, so that a state can be hashed and compared as a whole: an unoptimised build visits
/// many more states in a second that way.
struct SharingState {
    /// The words of the shared file. A position is the number of a commit: every record takes one
    /// place in the ring.
    var published: UInt8 = 0
    var checkpoint: UInt8 = 0
    /// The write lock: 0, or the holder's member.
    var writeLock: UInt8 = 0
    /// The checkpoint lock, which the kernel keeps: 0, or the holding process plus one.
    var checkpointLock: UInt8 = 0
    /// The checkpoint position in the data file's header.
    var header: UInt8 = 0
    /// How many processes have died or left.
    var endings: UInt8 = 0
    /// The data file: for each line the commit that wrote it, or `torn`.
    var file = Cells()
    /// The ring: for each place the commit whose record is there, or `torn`.
    var ring = Cells()
    var entries = Three(repeating: Entry())
    var processes = Three(repeating: ModelProcess())

    /// Halfway through a write.
    static let torn: UInt8 = 254
    /// No position, no private copy, no entry.
    static let none: UInt8 = 255

    /// Four bytes; as many as are needed of anything.
    struct Cells {
        private var first: UInt8 = 0
        private var second: UInt8 = 0
        private var third: UInt8 = 0
        private var fourth: UInt8 = 0

        init() {}

        init(repeating byte: UInt8) {
            first = byte
            second = byte
            third = byte
            fourth = byte
        }

        subscript(index: Int) -> UInt8 {
            get {
                switch index {
                case 0: first
                case 1: second
                case 2: third
                default: fourth
                }
            }
            set {
                switch index {
                case 0: first = newValue
                case 1: second = newValue
                case 2: third = newValue
                default: fourth = newValue
                }
            }
        }
    }

    /// An entry of the reader table, with its seats and its lock.
    struct Entry {
        /// The first word: bit 0 taken, bit 1 seated, above them how often it has been taken.
        var owner: UInt8 = 0
        var position = SharingState.none
        var seats: UInt8 = 0
        /// The entry lock, which the kernel keeps: 0, or the holding process plus one.
        var lock: UInt8 = 0

        static func isTaken(_ owner: UInt8) -> Bool { owner & 1 != 0 }
        static func isSeated(_ owner: UInt8) -> Bool { owner & 2 != 0 }
        static func freed(_ owner: UInt8) -> UInt8 { owner & ~3 }
        static func next(_ owner: UInt8, isSeated: Bool) -> UInt8 {
            (owner & ~3) + 4 + (isSeated ? 3 : 1)
        }
    }

    /// Three of a kind.
    struct Three<Element> {
        private var first: Element
        private var second: Element
        private var third: Element

        init(repeating element: Element) {
            first = element
            second = element
            third = element
        }

        subscript(index: Int) -> Element {
            get { index == 0 ? first : index == 1 ? second : third }
            set {
                switch index {
                case 0: first = newValue
                case 1: second = newValue
                default: third = newValue
                }
            }
        }
    }
}

/// One process: what it does next, and what it remembers. Whatever it does not need any more is
/// reset, so that states that differ in nothing that matters are one.
struct ModelProcess {
    var step = SharingStep.start
    /// What it catches up for.
    var purpose = Purpose.none
    /// Its entry in the reader table.
    var entry = SharingState.none
    /// Its name in the write lock.
    var member: UInt8 = 0
    /// Whether its entry is seated.
    var isSeated = false
    /// Whether its snapshot stays open between reads (`ReaderBias`).
    var isBiased = false

    /// Its image: the position that it has reached, and its private copies of lines.
    var applied: UInt8 = 0
    var copies = SharingState.Cells(repeating: SharingState.none)

    /// Whether its store buffer holds a store of its entry's position, and which.
    var isBuffered = false
    var bufferedPosition: UInt8 = 0

    /// The position to catch up to, or what a checkpoint moves at most.
    var target: UInt8 = 0
    /// The header's position as this process has read it.
    var base: UInt8 = 0
    /// The word of a lock or an entry as this process has read it.
    var seen: UInt8 = 0
    var seenPosition: UInt8 = 0
    /// The entry or line that a checkpoint is at.
    var cursor: UInt8 = 0
    /// The newest commit when the read transaction began.
    var begun: UInt8 = 0

    enum Purpose: UInt8 { case none, open, read, readAgain, prepare, write }

    /// Forgets what only the transaction or the checkpoint needed.
    mutating func rest() {
        step = .idle
        purpose = .none
        target = 0
        base = 0
        seen = 0
        seenPosition = 0
        cursor = 0
        begun = 0
    }
}

/// Safety: every stored property, down to the last, is one byte, so there is no padding.
extension SharingState: Hashable {
    static func == (one: SharingState, other: SharingState) -> Bool {
        withUnsafeBytes(of: one) { one in
            withUnsafeBytes(of: other) { other in one.isSame(as: other) }
        }
    }

    func hash(into hasher: inout Hasher) {
        withUnsafeBytes(of: self) { hasher.combine(bytes: $0) }
    }
}
