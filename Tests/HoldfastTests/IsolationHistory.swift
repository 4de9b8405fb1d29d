import Synchronization

/// What concurrent transactions have seen and done, and the decision whether that is possible in a
/// heap whose transactions happen one after the other.
///
/// The heap holds a commit number and registers. Each write transaction increments the number and
/// stores the new one in some registers; each read transaction reads everything. Times are those of
/// one clock for all threads and processes.
struct IsolationHistory {
    struct Write {
        var number: Int
        var registers: [Int]
        /// Before the call of `write`, and after its return.
        var began: ContinuousClock.Instant
        var ended: ContinuousClock.Instant
    }

    struct Read {
        var number: Int
        var registers: [Int]
        var began: ContinuousClock.Instant
        var ended: ContinuousClock.Instant
        /// A snapshot may be older than the read that uses it.
        var isSnapshot = false
    }

    var writes: [Write] = []
    var reads: [Read] = []

    mutating func append(_ other: IsolationHistory) {
        writes += other.writes
        reads += other.reads
    }

    /// The first contradiction to strict serializability; nil if there is none. O(n log n) and
    /// O(reads × registers).
    func violation(registerCount: Int) -> String? {
        let writes = writes.sorted { $0.number < $1.number }
        for (index, write) in writes.enumerated() where write.number != index + 1 {
            return "commit \(index + 1) is missing, or its number was given twice"
        }
        return orderViolation(writes) ?? contentViolation(writes, registerCount)
            ?? timeViolation(writes)
    }

    /// A write that began after another had returned must have the higher number.
    private func orderViolation(_ writes: [Write]) -> String? {
        var latestBegin: ContinuousClock.Instant?
        for write in writes {
            if let latestBegin, write.ended < latestBegin {
                return "commit \(write.number) ended before an earlier one began"
            }
            latestBegin = max(latestBegin ?? write.began, write.began)
        }
        return nil
    }

    /// A read sees exactly the registers as of its commit.
    private func contentViolation(_ writes: [Write], _ registerCount: Int) -> String? {
        var registers = Array(repeating: 0, count: registerCount)
        var next = 0
        for read in reads.sorted(by: { $0.number < $1.number }) {
            guard read.number <= writes.count else {
                return "a read saw commit \(read.number), which nobody made"
            }
            while next < read.number {
                for register in writes[next].registers { registers[register] = writes[next].number }
                next += 1
            }
            for (index, value) in read.registers.enumerated() where value != registers[index] {
                return "a read of commit \(read.number) saw \(value) in register \(index), which "
                    + "holds \(registers[index])"
            }
        }
        return nil
    }

    /// A read sees all that had been committed when it began, and nothing that began after its end;
    /// and no older commit than another read that ended before it began.
    private func timeViolation(_ writes: [Write]) -> String? {
        enum Event { case ended(Int), began(Read) }
        var events: [(at: ContinuousClock.Instant, event: Event)] = []
        for write in writes { events.append((write.ended, .ended(write.number))) }
        for read in reads {
            events.append((read.ended, .ended(read.number)))
            if !read.isSnapshot { events.append((read.began, .began(read))) }
            if read.number > 0, writes[read.number - 1].began > read.ended {
                return "a read saw commit \(read.number) before its write began"
            }
        }
        var newest = 0
        for (_, event) in events.sorted(by: { $0.at < $1.at }) {
            switch event {
            case .ended(let number): newest = max(newest, number)
            case .began(let read):
                if read.number < newest {
                    return "a read that began after commit \(newest) had been returned or read saw "
                        + "commit \(read.number)"
                }
            }
        }
        return nil
    }
}
