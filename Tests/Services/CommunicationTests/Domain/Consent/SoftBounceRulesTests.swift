import CommunicationAPI
import Core
import Testing

@testable import Communication

@Suite struct SoftBounceRulesTests {
    private static let newest = Instant(seconds: 1_800_000_000)

    /// Messages to an address, one for each day, the newest first.
    private func days(_ events: [DeliveryEvent?], apart: Duration = .seconds(86_400)) -> [SoftBounceRules.Attempt] {
        var at = Self.newest
        return events.map { event in
            defer { at = at - apart }
            return SoftBounceRules.Attempt(message: MessageID(), startedAt: at, event: event)
        }
    }

    private static let row = [DeliveryEvent?](repeating: .softBounce, count: SoftBounceRules.most)

    @Test(
        arguments: [
            (row, true), (Array(row.dropLast()), false), ([], false),
            // What was handed over since is not told of yet.
            ([nil, nil] + row, true),
            // It took one in between, or nobody said that it did not.
            ([.delivered] + row, false), ([.opened] + row, false),
            (row.dropLast() + [.delivered, .softBounce], false), (row.dropLast() + [nil, .softBounce], false),
            (row + [.delivered], true), (row + [nil], true),
            // What was refused for something else says nothing of the address.
            (row.dropLast() + [.rejected, .softBounce], true), (row.dropLast() + [.rejected], false),
            ([.rejected] + row, true),
        ] as [([DeliveryEvent?], Bool)]
    )
    func soManyInARowAreTooMany(events: [DeliveryEvent?], isLeftAlone: Bool) {
        #expect(SoftBounceRules.isToBeLeftAlone(after: days(events)) == isLeftAlone)
    }

    /// An outage of a provider or a carrier is no fault of the address.
    @Test func whatPassesInADayDoesNotCount() {
        let steps = Self.row.count - 1
        let shortest = SoftBounceRules.shortest / steps
        #expect(SoftBounceRules.isToBeLeftAlone(after: days(Self.row, apart: shortest)))
        #expect(!SoftBounceRules.isToBeLeftAlone(after: days(Self.row, apart: shortest - .seconds(1))))
        let many = Array(repeating: DeliveryEvent?.some(.softBounce), count: SoftBounceRules.mostLookedAt)
        #expect(!SoftBounceRules.isToBeLeftAlone(after: days(many, apart: .seconds(60))))
    }

    @Test func aMessageThatComesBackSeveralTimesIsOne() {
        var attempts = days(Self.row)
        attempts[1] = .init(message: attempts[0].message, startedAt: attempts[1].startedAt, event: .softBounce)
        #expect(!SoftBounceRules.isToBeLeftAlone(after: attempts))
    }
}
