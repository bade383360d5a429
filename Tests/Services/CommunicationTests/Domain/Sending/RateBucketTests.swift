import CommunicationAPI
import Contracts
import Core
import ProviderConfig
import Testing

@testable import Communication

@Suite struct RateBucketTests {
    private static let start = Instant(seconds: 20_000 * 86_400)
    private let rate = SendingRate(perSecond: 10)

    private func emptied(_ rate: SendingRate) -> RateBucket {
        var bucket = RateBucket(rate, at: Self.start)
        for _ in 0..<Int(rate.burst) { #expect(bucket.take(rate, .bulk, at: Self.start) == nil) }
        return bucket
    }

    @Test func whatIsOverTheRateComesOneAfterTheOther() {
        var bucket = emptied(rate)
        for number in 1...5 {
            #expect(bucket.take(rate, .bulk, at: Self.start) == .rate(.milliseconds(100 * number)))
        }
        #expect(bucket.take(rate, .bulk, at: Self.start + .milliseconds(100)) == nil)
        #expect(bucket.take(rate, .bulk, at: Self.start + .seconds(60)) == nil)
    }

    @Test(arguments: [
        (waits: MessagePriority.critical, other: MessagePriority.normal, yields: true), (.critical, .bulk, true),
        (.normal, .bulk, true), (.normal, .critical, false), (.bulk, .critical, false), (.bulk, .normal, false),
    ]) func whoWaitsIsServedBeforeLowerOnes(waits: MessagePriority, other: MessagePriority, yields: Bool) {
        var bucket = emptied(rate)
        #expect(bucket.take(rate, waits, at: Self.start) == .rate(.milliseconds(100)))
        let now = Self.start + .milliseconds(100)
        #expect((bucket.take(rate, other, at: now) != nil) == yields)
        #expect((bucket.take(rate, waits, at: now) == nil) == yields)
    }

    @Test func aClaimThatNobodyComesForEnds() {
        let slow = SendingRate(perSecond: 1)
        var bucket = emptied(slow)
        #expect(bucket.take(slow, .critical, at: Self.start) == .rate(.seconds(1)))
        #expect(bucket.take(slow, .bulk, at: Self.start + .seconds(1)) != nil)
        #expect(bucket.take(slow, .bulk, at: Self.start + .seconds(4)) == nil)
    }

    @Test func aCapHoldsUntilTheDayTurns() {
        let capped = SendingRate(perSecond: 10, dailyCap: 2)
        let evening = Self.start + .seconds(86_000)
        var bucket = RateBucket(capped, at: evening)
        for _ in 0..<2 { #expect(bucket.take(capped, .critical, at: evening) == nil) }
        #expect(bucket.take(capped, .critical, at: evening) == .cap(.seconds(400)))
        #expect(bucket.take(capped, .critical, at: evening + .seconds(400)) == nil)
    }

    /// Where both are used up it is the cap that counts: nothing is to be had of the rate either.
    @Test func aCapIsTellableFromARate() {
        let capped = SendingRate(perSecond: 0.01, dailyCap: 3)
        var bucket = RateBucket(capped, at: Self.start)
        for _ in 0..<2 { #expect(bucket.take(capped, .normal, at: Self.start) == nil) }
        let rate = SendingRate(perSecond: 0.01, dailyCap: 4)
        #expect(bucket.take(rate, .normal, at: Self.start) == nil)
        #expect(bucket.take(rate, .normal, at: Self.start) == .rate(.seconds(100)))
        #expect(bucket.take(capped, .normal, at: Self.start) == .cap(.seconds(86_400)))
    }

    /// A day's count goes on from what has gone, and nobody counts where there is no cap.
    @Test func aCapCountsWhatHasGoneBefore() {
        let (free, capped) = (SendingRate(perSecond: 10), SendingRate(perSecond: 10, dailyCap: 5))
        var bucket = RateBucket(free, at: Self.start)
        for _ in 0..<3 { #expect(bucket.take(free, .normal, at: Self.start) == nil) }
        #expect(bucket.day == nil)
        bucket.begin(DayCount(day: DayCount.day(of: Self.start), messages: 4))
        #expect(bucket.take(capped, .normal, at: Self.start) == nil)
        #expect(bucket.take(capped, .normal, at: Self.start) == .cap(.seconds(86_400)))
        #expect(bucket.take(free, .normal, at: Self.start) == nil && bucket.day == nil)
        #expect(DayCount.start(of: DayCount.day(of: Self.start + .seconds(86_399))) == Self.start)
    }

    @Test func aClockSetBackGivesAndTakesNothing() {
        var bucket = emptied(rate)
        #expect(bucket.take(rate, .bulk, at: Self.start - .seconds(60)) == .rate(.milliseconds(100)))
    }

    /// A campaign, with others coming in the midst of it: everybody is served, in about the time that the rate allows.
    @Test func aCampaignLetsTheOthersPassAndIsServed() throws {
        var bucket = RateBucket(rate, at: Self.start)
        var waiting: [(priority: MessagePriority, due: Instant)] = []
        for _ in 0..<200 { waiting.append((.bulk, Self.start)) }
        for second in 1...5 { waiting.append((.critical, Self.start + .seconds(second))) }
        for second in 1...5 { waiting.append((.normal, Self.start + .seconds(second))) }
        var served: [MessagePriority: Instant] = [:]
        var turns = 0
        while let next = waiting.indices.min(by: {
            (waiting[$0].due, waiting[$0].priority.rank) < (waiting[$1].due, waiting[$1].priority.rank)
        }) {
            turns += 1
            try #require(turns < 700)
            let message = waiting.remove(at: next)
            if let wait = bucket.take(rate, message.priority, at: message.due) {
                waiting.append((message.priority, message.due + wait.time))
            } else {
                served[message.priority] = message.due
            }
        }
        #expect(try #require(served[.critical]) < Self.start + .seconds(6))
        #expect(try #require(served[.normal]) < Self.start + .seconds(7))
        #expect(try #require(served[.bulk]) < Self.start + .seconds(30))
    }

    @Test func anotherClinicsUrgentMessageIsNextBeforeBulkThatWaits() {
        let (flood, other) = (ClinicID(), ClinicID())
        var bucket = emptied(rate)
        for _ in 0..<20 { #expect(bucket.take(rate, .bulk, of: flood, at: Self.start) != nil) }
        #expect(bucket.take(rate, .critical, of: other, at: Self.start) == .rate(.milliseconds(100)))
        let now = Self.start + .milliseconds(100)
        #expect(bucket.take(rate, .bulk, of: flood, at: now) != nil)
        #expect(bucket.take(rate, .critical, of: other, at: now) == nil)
    }

    /// The campaign of one clinic, and what others send meanwhile: together they keep to the rate, and nobody waits for the whole
    /// campaign.
    @Test func clinicsThatShareABucketHaveTokensInTurn() throws {
        let clinics = [ClinicID(), ClinicID(), ClinicID()]
        var bucket = RateBucket(rate, at: Self.start)
        var waiting: [(clinic: Int, priority: MessagePriority, due: Instant)] = []
        for _ in 0..<300 { waiting.append((0, .bulk, Self.start)) }
        for _ in 0..<10 { waiting.append((1, .bulk, Self.start + .seconds(2))) }
        waiting.append((2, .normal, Self.start + .seconds(3)))
        waiting.append((2, .critical, Self.start + .seconds(4)))
        var last: [Int: Instant] = [:]
        var (turns, served) = (0, 0)
        // Whoever comes at the same time, the campaign is there first.
        while let next = waiting.indices.min(by: {
            (waiting[$0].due, waiting[$0].clinic) < (waiting[$1].due, waiting[$1].clinic)
        }) {
            turns += 1
            try #require(turns < 1_500)
            let message = waiting.remove(at: next)
            if let wait = bucket.take(rate, message.priority, of: clinics[message.clinic], at: message.due) {
                waiting.append((message.clinic, message.priority, message.due + wait.time))
            } else {
                served += 1
                last[message.clinic] = message.due
                #expect(Double(served) <= rate.burst + rate.perSecond * (message.due - Self.start).inSeconds + 0.001)
            }
        }
        #expect(served == 312)
        #expect(try #require(last[1]) < Self.start + .seconds(8))
        #expect(try #require(last[2]) < Self.start + .seconds(6))
        #expect(try #require(last[0]) < Self.start + .seconds(60))
    }

    /// On the installation's account a clinic may be slower than it, never faster.
    @Test(
        arguments: [
            ([:], 2_500, nil, false), (["rates": ["smtp": 5_000]], 2_500, nil, false),
            (["rates": ["smtp": 5]], 5, nil, true), (["dailyCaps": ["smtp": 9]], 2_500, 9, true),
        ] as [([String: JSONValue], Double, Int?, Bool)]
    ) func aClinicsRateLowersItsPartOfTheInstallationsAccount(
        settings: [String: JSONValue],
        perSecond: Double,
        cap: Int?,
        hasOwnBucket: Bool
    ) {
        let rate = SendingRate(of: entry(isDefault: true), in: .builtIn, settings: settings, installation: [:])
        #expect(rate == SendingRate(perSecond: perSecond, dailyCap: cap, ofAccount: 2_500))
        #expect(rate.hasOwnBucket == hasOwnBucket)
        let own = SendingRate(
            of: entry(isDefault: false),
            in: .builtIn,
            settings: settings,
            installation: ["rates": ["smtp": 1]]
        )
        #expect(own == SendingRate(of: "smtp", in: .builtIn, settings: settings) && own.hasOwnBucket)
    }

    @Test(
        arguments: [
            ([:], 8_000, 8_000), (["rates": ["smtp": 9_000]], 8_000, 8_000), (["rates": ["smtp": 5]], 5, 8_000),
        ] as [([String: JSONValue], Double, Double)]
    ) func operatorsSayWhatTheInstallationsAccountTakes(
        settings: [String: JSONValue],
        perSecond: Double,
        ofAccount: Double
    ) {
        let rate = SendingRate(
            of: entry(isDefault: true),
            in: .builtIn,
            settings: settings,
            installation: ["rates": ["smtp": 8_000]]
        )
        #expect(rate == SendingRate(perSecond: perSecond, ofAccount: ofAccount))
    }

    private func entry(isDefault: Bool) -> ProviderEntry {
        ProviderEntry(
            id: ProviderEntryID(),
            channel: "email",
            provider: "smtp",
            position: 0,
            credentials: Credentials([:]),
            version: 1,
            updatedAt: Self.start,
            updatedBy: "test",
            fingerprint: "",
            formerSecrets: [],
            isDefault: isDefault
        )
    }

    @Test(
        arguments: [
            ([:], 2_500, nil), (["rates": ["smtp": 5]], 5, nil),
            (["rates": ["smtp": .number(0.5)], "dailyCaps": ["smtp": 9]], 0.5, 9),
            (["rates": ["zeptomail": 5]], 2_500, nil),
        ] as [([String: JSONValue], Double, Int?)]
    ) func theClinicsRateElseTheProviders(
        settings: [String: JSONValue],
        perSecond: Double,
        cap: Int?
    ) {
        #expect(
            SendingRate(of: "smtp", in: .builtIn, settings: settings)
                == SendingRate(perSecond: perSecond, dailyCap: cap)
        )
        #expect(SendingRate(of: "pigeon", in: .builtIn, settings: [:]).perSecond == SendingRate.otherDefault)
    }
}
