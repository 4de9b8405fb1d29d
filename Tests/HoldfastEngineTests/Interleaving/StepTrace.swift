#if DEBUG
    import HoldfastSystem

    /// What the threads of a run have done to places that they share, as a number: runs in which
    /// the steps that do not commute came in the same order are in the same state.
    ///
    /// Source: M. Musuvathi, S. Qadeer: Partial-Order Reduction for Context-Bounded State
    /// Exploration, MSR-TR-2007-12.
    final class StepTrace {
        private struct Place {
            /// The history of the last change, and of the reads since.
            var change: UInt64 = 0
            var reads: UInt64 = 0
        }

        private static let places = 32 * 1024
        private let states: UnsafeMutablePointer<Place>
        private var touched: [Int] = []
        private var histories: [UInt64]
        /// For each place, the threads that have read and changed it in any run so far.
        private let readers: UnsafeMutablePointer<UInt8>
        private let changers: UnsafeMutablePointer<UInt8>
        /// The number of places that several threads use and one changes.
        private(set) var contended = 0

        init(threads: Int) {
            states = .allocate(capacity: Self.places)
            states.initialize(repeating: Place(), count: Self.places)
            readers = .allocate(capacity: Self.places)
            readers.initialize(repeating: 0, count: Self.places)
            changers = .allocate(capacity: Self.places)
            changers.initialize(repeating: 0, count: Self.places)
            histories = Array(repeating: 0, count: threads)
        }

        deinit {
            states.deallocate()
            readers.deallocate()
            changers.deallocate()
        }

        /// Forgets the run, and keeps which places are contended.
        func begin() {
            for index in touched { states[index] = Place() }
            touched.removeAll(keepingCapacity: true)
            for thread in histories.indices { histories[thread] = UInt64(thread) &+ 1 }
        }

        private static func first(_ place: Interleaving.Place) -> Int {
            switch place.area {
            case .word: place.first & 0x3fff
            case .ring: 0x4000 + place.first & 0xff
            case .lock: 0x4400 + place.first & 0x1ff
            case .durable: 0x4600
            case .names: 0x4601
            case .page: 0x5000 + place.first & 0xfff
            }
        }

        /// Whether another thread may use the place too, so that the order matters.
        func isContended(_ place: Interleaving.Place) -> Bool {
            let first = Self.first(place)
            for index in first ..< first + place.count where isContended(index) { return true }
            return false
        }

        @inline(__always)
        private func isContended(_ index: Int) -> Bool {
            let users = readers[index] | changers[index]
            return changers[index] != 0 && users & (users &- 1) != 0
        }

        func add(_ thread: Int, _ effect: Interleaving.Effect, _ place: Interleaving.Place) {
            let first = Self.first(place)
            let changes = effect != .reads
            var history = Self.mix(histories[thread], UInt64(first) << 1 | (changes ? 1 : 0))
            for index in first ..< first + place.count {
                history = Self.mix(history, states[index].change)
                if changes { history = Self.mix(history, states[index].reads) }
            }
            for index in first ..< first + place.count {
                let was = isContended(index)
                if changes {
                    states[index] = Place(change: history, reads: 0)
                    changers[index] |= 1 << UInt8(thread)
                } else {
                    states[index].reads &+= history
                    readers[index] |= 1 << UInt8(thread)
                }
                touched.append(index)
                if !was, isContended(index) { contended += 1 }
            }
            histories[thread] = history
        }

        /// Adds a step that is not at a place, such as a wait.
        func add(_ thread: Int, _ mark: UInt64) {
            histories[thread] = Self.mix(histories[thread], mark)
        }

        var state: UInt64 { histories.reduce(0) { Self.mix($0, $1) } }

        static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
            var z = (left ^ (right &* 0x9e37_79b9_7f4a_7c15)) &+ 0x9e37_79b9_7f4a_7c15
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
    }
#endif
