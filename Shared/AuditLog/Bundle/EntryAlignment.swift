/// Finds out what was done to a log by laying the lines of a whole export beside the hashes of its places.
///
/// A line that differs is not judged before the next one is known: only that tells an altered entry from an inserted one.
struct EntryAlignment {
    /// A line as the comparison sees it.
    struct Line {
        /// The place it claims; none if it is unreadable.
        var seq: Int64?
        /// Whether its hash is the one of that place.
        var isGenuine: Bool
    }

    private(set) var faults: [VerificationReport.Fault] = []
    private let size: Int64
    /// The place whose line comes next.
    private(set) var next: Int64 = 0
    private var held: Line?
    private var absent: Set<Int64> = []
    private var early: Set<Int64> = []

    init(size: Int64) { self.size = size }

    /// Whether the next line may simply be compared with place `next`.
    var isInStep: Bool { held == nil && early.isEmpty }

    /// The line of place `next` was the right one.
    mutating func advance() { next += 1 }

    mutating func take(_ line: Line) {
        if let previous = held {
            held = nil
            settle(previous, before: line)
        }
        skipEarly()
        switch (line.seq, line.isGenuine) {
        case (next, true): next += 1
        case (let seq?, true) where seq < next: returned(seq)
        default: held = line
        }
    }

    /// All lines were given.
    mutating func finish() -> [VerificationReport.Fault] {
        if let previous = held {
            held = nil
            settle(previous, before: nil)
        }
        skipEarly()
        absent.formUnion(next..<max(next, min(size, next + Int64(VerificationReport.mostFaults))))
        return faults + absent.sorted().map { .missing(seq: $0) }
    }

    /// How many places at the end have no line at all.
    var left: Int64 { max(0, size - next) }

    private mutating func settle(_ line: Line, before following: Line?) {
        let seq = line.seq ?? next
        if line.isGenuine {
            if following?.isGenuine == true, following?.seq == next {
                early.insert(seq)
            } else if following?.isGenuine == true, following?.seq == next + 1, seq > next + 1 {
                early.insert(seq)
                absent.insert(next)
                next += 1
            } else {
                jump(to: seq)
            }
            return
        }
        settleStrange(seq, before: following)
    }

    /// A line that is not what was logged at the place it claims.
    private mutating func settleStrange(_ seq: Int64, before following: Line?) {
        let genuine = following?.isGenuine == true ? following?.seq : nil
        if genuine == next || genuine == seq {
            faults.append(.inserted(seq: seq))
        } else if genuine == next + 1, next < size {
            // It stands where `next` should, whatever it claims.
            faults.append(.altered(seq: next))
            next += 1
        } else if absent.remove(seq) != nil {
            faults.append(.altered(seq: seq))
        } else if seq < next, next < size {
            faults.append(.altered(seq: next))
            next += 1
        } else if seq < next || seq >= size {
            faults.append(.inserted(seq: seq))
        } else {
            jump(to: seq)
            faults.append(.altered(seq: seq))
        }
    }

    private mutating func jump(to seq: Int64) {
        for missing in next..<max(next, min(seq, next + Int64(VerificationReport.mostFaults)))
        where !early.contains(missing) {
            absent.insert(missing)
        }
        next = seq + 1
    }

    private mutating func skipEarly() {
        while early.remove(next) != nil {
            faults.append(.moved(seq: next))
            next += 1
        }
    }

    private mutating func returned(_ seq: Int64) {
        faults.append(absent.remove(seq) != nil ? .moved(seq: seq) : .inserted(seq: seq))
    }
}
