import Postgres
import Testing

@Suite(.timeLimit(.minutes(1))) struct PreparedPlanLifetimeTests {
    private let start = ContinuousClock.now

    /// After how many more uses the next plans are made, when all of them come at once.
    private func gaps(_ count: Int, of plan: inout PreparedPlanLifetime, at now: ContinuousClock.Instant) -> [Int] {
        (0..<count).map { _ in
            var uses = 1
            while !plan.use(at: now) { uses += 1 }
            return uses
        }
    }

    @Test func plansOfBusyStatementsAreMadeEverMoreRarely() {
        var plan = PreparedPlanLifetime(at: start)
        #expect(gaps(4, of: &plan, at: start) == [16, 64, 256, 1_024])
    }

    @Test func anOldPlanIsMadeAnew() {
        var plan = PreparedPlanLifetime(at: start)
        let uses = [
            PreparedPlanLifetime.lasts - .milliseconds(1), PreparedPlanLifetime.lasts, PreparedPlanLifetime.lasts,
        ].map { plan.use(at: start + $0) }
        #expect(uses == [false, true, false])
    }

    /// A poll that comes every half minute for a year, as those of every service do.
    @Test func ageAloneNeitherPutsOffNorEnds() {
        var plan = PreparedPlanLifetime(at: start)
        var now = start
        for _ in 0..<1_051_200 {
            now = now.advanced(by: PreparedPlanLifetime.lasts)
            guard plan.use(at: now) else { Issue.record("kept an old plan"); return }
        }
        #expect(gaps(2, of: &plan, at: now) == [16, 64])
    }
}
