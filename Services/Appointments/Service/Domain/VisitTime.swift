import AppointmentsAPI
import Core

/// How long a visit takes and how much time is kept free around it.
struct VisitTerms: Hashable, Sendable {
    var minutes: Int
    var bufferBefore: Int
    var bufferAfter: Int

    init(minutes: Int, bufferBefore: Int = 0, bufferAfter: Int = 0) {
        self.minutes = minutes
        self.bufferBefore = bufferBefore
        self.bufferAfter = bufferAfter
    }

    init(_ service: VisitService) {
        self.init(minutes: service.minutes, bufferBefore: service.bufferBefore, bufferAfter: service.bufferAfter)
    }

    var duration: Duration { .seconds(minutes * 60) }

    /// The visit itself.
    func visit(at start: Instant) -> Range<Instant> { start..<start + duration }

    /// The visit with the time kept free around it: what must not overlap.
    func reserved(at start: Instant) -> Range<Instant> {
        start - .seconds(bufferBefore * 60)..<start + duration + .seconds(bufferAfter * 60)
    }
}

/// Cuts free slots out of a doctor's hours.
struct SlotFinder: Sendable {
    var hours: DoctorHours
    var terms: VisitTerms
    /// Taken time, in order of its beginning.
    var taken: [Range<Instant>]

    /// Slots that begin in the range, not before `now`, and no later than a visit can, in order.
    ///
    /// They follow one another from each stretch's beginning; those that touch taken time are left out.
    func slots(in range: Range<Instant>, now: Instant) -> [Slot] {
        var slots: [Slot] = []
        let bookable = now...VisitStart.latest(at: now)
        for stretch in hours.stretches(touching: range) {
            var firstTaken = 0
            var start = stretch.time.lowerBound
            while start + terms.duration <= stretch.time.upperBound {
                let reserved = terms.reserved(at: start)
                // Starts only go forward, so what ended before this start is done with.
                while firstTaken < taken.count, taken[firstTaken].upperBound <= reserved.lowerBound { firstTaken += 1 }
                let isFree = taken[firstTaken...].prefix { $0.lowerBound < reserved.upperBound }
                    .allSatisfy { !$0.overlaps(reserved) }
                if isFree, range.contains(start), bookable.contains(start) {
                    slots.append(
                        Slot(
                            doctorId: hours.doctorID,
                            locationId: stretch.locationID,
                            start: start,
                            end: start + terms.duration
                        )
                    )
                }
                start = start + terms.duration
            }
        }
        return slots
    }

    /// The slots nearest to a wanted time, nearest first.
    func nearest(to wanted: Instant, now: Instant, count: Int) -> [Slot] {
        let range = wanted - .seconds(Self.daysBehind * 86_400)..<wanted + .seconds(Self.daysAhead * 86_400)
        let found = slots(in: range, now: now)
        return Array(
            found.sorted { ($0.start.distance(to: wanted), $0.start) < ($1.start.distance(to: wanted), $1.start) }
                .prefix(count)
        )
    }

    /// How far alternatives are looked for.
    static let daysBehind = 1
    static let daysAhead = 7

    /// The location that is open for a whole visit; `nil` when it lies outside the doctor's hours.
    ///
    /// It may go on from one stretch into the next of the same location: whoever works around the clock has several.
    func location(of visit: Range<Instant>, wanted: LocationID?) -> LocationID? {
        var openUntil: [LocationID: Instant] = [:]
        for stretch in hours.stretches(touching: visit) where wanted == nil || wanted == stretch.locationID {
            let begun = openUntil[stretch.locationID, default: visit.lowerBound]
            guard stretch.time.lowerBound <= begun else { continue }
            if stretch.time.upperBound >= visit.upperBound { return stretch.locationID }
            openUntil[stretch.locationID] = max(begun, stretch.time.upperBound)
        }
        return nil
    }
}

extension Instant {
    /// Microseconds between the two, whichever comes first.
    fileprivate func distance(to other: Instant) -> Int64 { abs(microseconds - other.microseconds) }
}
