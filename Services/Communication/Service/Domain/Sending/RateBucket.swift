import CommunicationAPI
import Core

/// Why a message does not go by a provider now, and for how long.
enum RateWait: Sendable, Equatable {
    /// The rate is used up: there is room for the message then.
    case rate(Duration)
    /// The day's cap is used up, until the next day begins.
    case cap(Duration)

    var time: Duration {
        switch self {
        case .rate(let time), .cap(let time): time
        }
    }
}

/// How many messages have gone through a provider entry on a day of UTC.
struct DayCount: Sendable, Equatable {
    /// Since 1970.
    let day: Int64
    let messages: Int

    static func day(of now: Instant) -> Int64 { now.microseconds.flooredDivision(by: 86_400_000_000) }
    static func start(of day: Int64) -> Instant { Instant(seconds: day * 86_400) }
}

/// A token bucket that critical messages are served from before normal ones, and those before bulk.
///
/// Clinics may share one: an urgent message of any of them is served first, and among equals clinics that wait have tokens in
/// turn, so that who sends many delays its own. Nobody is given a later time than if all stood in one queue.
///
/// `RateScript` is the same rule where processes share a bucket.
struct RateBucket: Sendable, Equatable {
    /// Who was sent away keeps its claim on a token so long after its time, which covers a worker's way to it.
    static let claimLasts: Duration = .seconds(2)
    /// Nobody is sent away for less.
    static let shortestWait: Duration = .milliseconds(50)

    /// Who comes in time is not sent away for the last digits of a sum.
    private static let rounding = 1e-6

    private var tokens: Double
    private var filledAt: Instant
    /// Until when somebody of a class is expected back, by class; lower classes leave a token for it.
    private var claims: [Instant]
    /// When the next one sent away is to come, by class: they come one after the other, and who was passed meanwhile goes to the
    /// end, so that nobody has to ask again and again.
    private var queues: [Instant]
    /// The same for each clinic of those that share the bucket, by class, as long as somebody of it waits: a clinic's messages
    /// come after its own, however many of others wait.
    private var queuesOfClinics: [[ClinicID: Instant]]
    /// Of the clinics that share the bucket the one that had a token last.
    private var served: ClinicID?
    /// The day that is counted; `nil` while there is no cap, for then messages pass uncounted.
    private(set) var day: Int64?
    private var count = 0

    /// A full bucket.
    init(_ rate: SendingRate, at now: Instant) {
        tokens = rate.burst
        filledAt = now
        claims = Array(repeating: Instant(microseconds: 0), count: MessagePriority.allCases.count)
        queues = claims
        queuesOfClinics = Array(repeating: [:], count: MessagePriority.allCases.count)
    }

    /// Goes on from how many have gone already.
    mutating func begin(_ count: DayCount) { (day, self.count) = (count.day, count.messages) }

    /// Somebody else counts.
    mutating func stopCounting() { day = nil }

    /// Takes a token; `nil` when it was there.
    ///
    /// - Parameters:
    ///   - clinic: whose message it is where clinics share the bucket.
    ///   - waits: whether whoever finds none comes for one; else no place is kept.
    mutating func take(
        _ rate: SendingRate,
        _ priority: MessagePriority,
        of clinic: ClinicID? = nil,
        waits: Bool = true,
        at now: Instant
    ) -> RateWait? {
        if now > filledAt { tokens += (now - filledAt).inSeconds * rate.perSecond }
        tokens = min(rate.burst, tokens)
        filledAt = now
        let today = DayCount.day(of: now)
        if rate.dailyCap == nil { day = nil } else if day != today { begin(DayCount(day: today, messages: 0)) }
        if let cap = rate.dailyCap, count >= cap { return .cap(DayCount.start(of: today + 1) - now) }
        let rank = priority.rank
        let reserve = claims[..<rank].count { $0 > now }
        var wanted = Double(1 + reserve)
        if let clinic {
            queuesOfClinics[rank] = queuesOfClinics[rank].filter { $0.value > now }
            // In turn: who had the last one leaves one for the others that wait.
            let othersWait = queuesOfClinics[rank].keys.contains { $0 != clinic }
            if clinic == served, othersWait { wanted = min(wanted + 1, rate.burst) }
        }
        guard tokens + Self.rounding < wanted else {
            tokens -= 1
            count += 1
            served = clinic
            return nil
        }
        let untilThere = Duration.microseconds(Int64(((wanted - tokens) / rate.perSecond * 1_000_000).rounded(.up)))
        let step = Int64((1_000_000 / rate.perSecond).rounded(.up))
        let soonest = now + max(Self.shortestWait, untilThere)
        let last = max(soonest, queues[rank])
        var due = last
        if let clinic { due = min(last, max(soonest, queuesOfClinics[rank][clinic] ?? now)) }
        guard waits else { return .rate(due - now) }
        queues[rank] = last + .microseconds(step)
        claims[rank] = max(claims[rank], due + Self.claimLasts)
        if let clinic {
            queuesOfClinics[rank][clinic] = due
            // As many clinics as wait have their turns in between.
            let waiting = Int64(queuesOfClinics[rank].count)
            queuesOfClinics[rank][clinic] = due + .microseconds(waiting * step)
        }
        return .rate(due - now)
    }
}

extension MessagePriority {
    /// 0 is served first.
    var rank: Int {
        switch self {
        case .critical: 0
        case .normal: 1
        case .bulk: 2
        }
    }
}
