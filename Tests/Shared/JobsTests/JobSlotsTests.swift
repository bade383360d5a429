import Core
import Testing

@testable import Jobs

@Suite struct JobSlotsTests {
    private let clinic = ClinicID()
    private let other = ClinicID()

    @Test(arguments: [(JobLane.critical, 14), (.normal, 11), (.bulk, 8)])
    func everyLaneLeavesRoomForTheOthers(lane: JobLane, most: Int) {
        var slots = JobSlots(total: 16, perClinic: 16)
        #expect(slots.room(lane) == most)
        slots.reserve(most, lane)
        #expect(slots.room(lane) == 0)
        for another in JobLane.allCases where another != lane { #expect(slots.room(another) > 0) }
    }

    @Test(arguments: [(JobLane.critical, 16), (.normal, 11), (.bulk, 8)])
    func soDoesEveryClinicsShare(lane: JobLane, most: Int) {
        var slots = JobSlots(total: 100, perClinic: 16)
        slots.start(clinic, lane, most)
        #expect(slots.room(clinic, lane) == 0)
        #expect(slots.room(other, lane) == most)
        #expect(slots.room(clinic, .critical) == 16 - most)
    }

    /// However much of what is not urgent there is, and in whatever order it comes.
    @Test(arguments: [[JobLane.normal, .bulk], [.bulk, .normal]])
    func whatIsUrgentHasItsPartOfTheProcess(lanes: [JobLane]) {
        var slots = JobSlots(total: 128, perClinic: 64)
        for lane in lanes {
            #expect(slots.room(lane) > 0)
            slots.reserve(slots.room(lane), lane)
        }
        #expect(slots.room(.normal) == 0 && slots.room(.bulk) == 0)
        #expect(slots.room(.critical) == 32)
    }

    @Test(arguments: [[JobLane.normal, .bulk], [.bulk, .normal]], [false, true])
    func whatIsUrgentHasItsPartOfAClinicsShare(lanes: [JobLane], isBesideOthers: Bool) {
        var slots = JobSlots(total: 128, perClinic: 64, besideOthers: 16)
        if isBesideOthers { Self.meet(other, clinic, &slots) }
        for lane in lanes {
            #expect(slots.room(clinic, lane) > 0)
            slots.start(clinic, lane, slots.room(clinic, lane))
        }
        #expect(slots.room(clinic, .normal) == 0 && slots.room(clinic, .bulk) == 0)
        #expect(slots.room(clinic, .critical) == (isBesideOthers ? 4 : 16))
    }

    /// The share falls below what is running, and what is urgent does not wait until that has ended.
    @Test func whatIsUrgentHasItsPartWhenOthersCome() {
        var slots = JobSlots(total: 128, perClinic: 64, besideOthers: 16)
        slots.start(clinic, .normal, 40)
        slots.start(clinic, .bulk, 8)
        Self.meet(clinic, other, &slots)
        #expect(slots.room(clinic, .normal) == 0 && slots.room(clinic, .bulk) == 0)
        for rest in [4, 3, 2, 1] {
            #expect(slots.room(clinic, .critical) == rest)
            slots.start(clinic, .critical, 1)
        }
        #expect(slots.room(clinic, .critical) == 0 && slots.capped(.critical) == [clinic])
        slots.reserve(52, .critical)
        let tells = slots.end(clinic, .critical)
        #expect(tells && slots.room(clinic, .critical) == 1)
        // Nobody has more than a clinic may have alone.
        slots.start(clinic, .normal, 12)
        #expect(slots.room(clinic, .critical) == 1)
        slots.start(clinic, .normal, 1)
        #expect(slots.room(clinic, .critical) == 0)
    }

    /// Both have work at one time.
    private static func meet(_ one: ClinicID, _ other: ClinicID, _ slots: inout JobSlots) {
        let now = ContinuousClock.now
        slots.found(one, at: now)
        slots.found(other, at: now + .milliseconds(1))
    }

    @Test func aPlaceThatOneLaneLeavesIsToldToTheOther() {
        var slots = JobSlots(total: 64, perClinic: 16, worthwhile: 4)
        slots.reserve(12, .normal)
        slots.start(clinic, .bulk, 3)
        slots.start(clinic, .normal, 9)
        #expect(slots.capped(.normal) == [clinic] && slots.capped(.bulk) == [clinic])
        // Two are worth a turn of either.
        let tellsThatTheyAre = (0..<3).map { _ in slots.end(clinic, .normal) }
        #expect(tellsThatTheyAre == [false, true, false])
        #expect(slots.capped(.normal) == [] && slots.capped(.bulk) == [])
    }

    @Test func aClinicTakesLessWhileOthersHaveWork() {
        var slots = JobSlots(total: 128, perClinic: 64, besideOthers: 16)
        let start = ContinuousClock.now
        slots.found(clinic, at: start)
        slots.found(clinic, at: start + .milliseconds(500))
        #expect(slots.room(clinic, .critical) == 64)
        slots.found(other, at: start + .milliseconds(700))
        #expect(slots.room(clinic, .critical) == 16 && slots.room(clinic, .bulk) == 8)
        slots.start(clinic, .bulk, 20)
        #expect(slots.room(clinic, .bulk) == 0 && slots.room(clinic, .normal) == 0)
        #expect(slots.room(clinic, .critical) == 4)
        #expect(slots.room(other, .critical) == 16)
        // Alone again for a while it may take its whole share.
        slots.look(at: start + .milliseconds(1_600))
        #expect(slots.room(other, .critical) == 16)
        slots.found(clinic, at: start + .seconds(2))
        #expect(slots.room(clinic, .bulk) == 12)
        // Who comes after a pause was not beside anybody.
        slots.found(other, at: start + .seconds(10))
        #expect(slots.room(other, .bulk) == 32)
    }

    @Test func aTurnIsWorthWhileOnlyWithSomeRoom() {
        var slots = JobSlots(total: 64, perClinic: 32, worthwhile: 4)
        slots.reserve(23, .normal)
        slots.start(clinic, .normal, 23)
        #expect(slots.capped(.normal) == [clinic] && slots.capped(.critical) == [])
        let tellsThatItIs = (0..<5).map { _ in slots.end(clinic, .normal) }
        // The fourth place makes it so, and it is told once.
        #expect(tellsThatItIs == [false, false, false, true, false])
        #expect(slots.capped(.normal) == [])
    }

    @Test func whatIsUrgentIsFetchedOneByOne() {
        var slots = JobSlots(total: 64, perClinic: 8, worthwhile: 4)
        slots.reserve(8, .critical)
        slots.start(clinic, .critical, 8)
        #expect(slots.capped(.critical) == [clinic])
        let tells = slots.end(clinic, .critical)
        #expect(tells && slots.capped(.critical) == [])
    }

    @Test func whoRunsNothingIsNotKeptWaitingForMoreRoom() {
        var slots = JobSlots(total: 64, perClinic: 2, worthwhile: 100)
        #expect(slots.isWorthwhile(.bulk) && slots.capped(.bulk) == [])
        slots.start(clinic, .bulk, 1)
        #expect(slots.capped(.bulk) == [clinic] && slots.capped(.normal) == [])
    }
}
