import CommunicationAPI
import Contracts
import Core
import Testing

@testable import Communication

@Suite struct DeliveryRulesTests {
    /// Whatever the order in which events come, the message ends the same.
    @Test func theOrderDoesNotMatter() {
        func end(_ events: [DeliveryEvent]) -> (MessageStatus, String?) {
            events.reduce((MessageStatus.sent, String?.none)) { now, event in
                DeliveryRules.moves(now.0, reason: now.1, event) ? (event.status, event.reason?.code) : now
            }
        }
        let events = DeliveryEvent.allCases
        for first in events {
            for second in events {
                for third in events {
                    let ends = [[first, second, third], [third, second, first], [second, third, first, second]].map(end)
                    #expect(ends.allSatisfy { $0 == ends[0] }, "\(first) \(second) \(third)")
                }
            }
        }
        #expect(end([.hardBounce, .softBounce]) == (.failed, "hard_bounce"))
        #expect(end([.delivered, .hardBounce]) == (.delivered, nil))
    }

    /// Of a message of which nobody knows anything each channel's failure counts; of one that a channel's provider has, that channel's.
    @Test(
        arguments: [
            (.unknown, nil, [.moves, .moves]), (.sent, "email", [.moves, .none]), (.sent, "sms", [.none, .moves]),
        ] as [(MessageStatus, String?, [DeliveryRules.Effect])]
    ) func theLastHopeFails(status: MessageStatus, channel: String?, effects: [DeliveryRules.Effect]) {
        var message = StoredMessage(
            id: MessageID(),
            version: 1,
            status: status,
            channels: ["email", "sms"],
            category: .care,
            priority: .normal,
            sealed: [],
            createdAt: .now(),
            updatedAt: .now(),
            rounds: 0
        )
        (message.stage, message.channel) = (1, channel)
        let found = [0, 1].map { DeliveryRules.effect(of: .hardBounce, at: $0, taken: 0, isLost: true, on: message) }
        #expect(found == effects)
    }

    /// What Meta tells later of a message with another channel left: how often it was taken, and what follows.
    @Test(
        arguments: [
            (131_047, 1, .sameChannel(.zero)), (131_047, 2, .nextChannel), (131_056, 1, .sameChannel(.seconds(4))),
            (131_056, 2, .sameChannel(.seconds(16))), (131_056, 3, .sameChannel(.seconds(64))),
            (131_056, 4, .nextChannel), (131_049, 1, .nextChannel), (130_472, 1, .nextChannel),
            (131_026, 1, .nextChannel), (131_050, 1, .nextChannel), (131_000, 1, .nextChannel),
        ] as [(Int, Int, DeliveryRules.Effect)]
    ) func whatFollowsFromALateFailure(code: Int, taken: Int, effect: DeliveryRules.Effect) {
        var message = StoredMessage(
            id: MessageID(),
            version: 1,
            status: .sent,
            channels: ["whatsapp", "email"],
            category: .care,
            priority: .normal,
            sealed: [],
            createdAt: .now(),
            updatedAt: .now(),
            rounds: 0
        )
        let event = MetaReply.event(code)
        #expect(DeliveryRules.effect(of: event, at: 0, taken: taken, on: message) == effect)
        // What has expired goes nowhere any more.
        #expect(DeliveryRules.effect(of: event, at: 0, taken: taken, isExpired: true, on: message) == .moves)
        // Who has gone on does not come back.
        message.stage = 1
        message.status = .queued
        #expect(DeliveryRules.effect(of: event, at: 0, taken: taken, on: message) == .none)
        message.channels = ["whatsapp"]
        message.stage = 0
        message.status = .sent
        let alone = DeliveryRules.effect(of: event, at: 0, taken: taken, on: message)
        #expect(alone == (effect == .nextChannel ? .moves : effect))
    }

    /// What nobody took afterwards is sent by the channel before, whose news count as they always do.
    @Test(
        arguments: [
            (.sent, nil, .hardBounce, .moves), (.delivered, nil, .hardBounce, .comesBack),
            (.delivered, nil, .softBounce, .none), (.failed, "soft_bounce", .hardBounce, .moves),
            (.failed, "hard_bounce", .softBounce, .none), (.queued, nil, .hardBounce, .none),
            (.sending, nil, .hardBounce, .none),
        ] as [(MessageStatus, String?, DeliveryEvent, DeliveryRules.Effect)]
    ) func whatWasSentByAChannelBeforeFollowsItsNews(
        status: MessageStatus,
        reason: String?,
        event: DeliveryEvent,
        effect: DeliveryRules.Effect
    ) {
        var message = StoredMessage(
            id: MessageID(),
            version: 1,
            status: status,
            channels: ["email", "sms"],
            category: .care,
            priority: .normal,
            sealed: [],
            createdAt: .now(),
            updatedAt: .now(),
            reasonCode: reason,
            rounds: 0
        )
        (message.stage, message.channel) = (1, "email")
        #expect(DeliveryRules.effect(of: event, at: 0, taken: 1, on: message) == effect)
        // By the next channel it has gone on.
        message.channel = "sms"
        #expect(DeliveryRules.effect(of: event, at: 0, taken: 1, on: message) == .none)
    }

    /// While a lost reply is asked for again it is not known what that comes to.
    @Test(arguments: MessageStatus.allCases) func thatAProviderHasItWaitsForTheAnswer(status: MessageStatus) {
        let message = StoredMessage(
            id: MessageID(),
            version: 1,
            status: status,
            channels: ["email"],
            category: .care,
            priority: .normal,
            sealed: [],
            createdAt: .now(),
            updatedAt: .now(),
            rounds: 0
        )
        let expected: DeliveryRules.Effect =
            switch status {
            case .queued, .sending: .later
            case .unknown: .moves
            default: .none
            }
        #expect(DeliveryRules.effect(of: .sent, at: 0, taken: 0, isLost: true, on: message) == expected)
        #expect(DeliveryRules.effect(of: .sent, at: 0, taken: 1, on: message) == .none)
    }

    /// Who wants no offers gets them by no other channel either.
    @Test(arguments: MessageCategory.allCases) func whoHasStoppedOffersIsNotSoughtElsewhere(category: MessageCategory) {
        var message = StoredMessage(
            id: MessageID(),
            version: 1,
            status: .sent,
            channels: ["whatsapp", "email"],
            category: category,
            priority: .normal,
            sealed: [],
            createdAt: .now(),
            updatedAt: .now(),
            rounds: 0
        )
        let event = MetaReply.event(131_050)
        let effect: DeliveryRules.Effect = category == .marketing ? .moves : .nextChannel
        #expect(DeliveryRules.effect(of: event, at: 0, taken: 1, on: message) == effect)
        message.channels = ["whatsapp"]
        #expect(DeliveryRules.effect(of: event, at: 0, taken: 1, on: message) == .moves)
        #expect(event.suppressed(after: category) == .marketing && event.suppression(on: .whatsapp) == .stop)
    }

    /// Texts are ended by an answer, and begin again by one; who is off a provider's list for e-mail has followed a link.
    @Test func whoHasToldTheProviderToSendNothingHasSaidSoInTheChannelsWay() {
        let reasons = MessageChannel.allCases.map { ($0, DeliveryEvent.optedOut.suppression(on: $0)) }
        #expect(reasons.allSatisfy { $1 == ($0 == .email ? .unsubscribe : .stop) })
        #expect(MessageChannel.allCases.allSatisfy { DeliveryEvent.unsubscribed.suppression(on: $0) == .unsubscribe })
    }

    @Test(
        arguments: [
            (MessageStatus.sending, nil, true), (.sent, nil, true), (.unknown, "unknown_outcome", true),
            (.failed, "bad_recipient", false), (.queued, nil, true), (.cancelled, nil, false),
            (.expired, "expired", false),
            (.suppressed, "opted_out", false), (.opened, nil, false),
        ] as [(MessageStatus, String?, Bool)]
    ) func whatOurselvesHaveEndedStays(
        status: MessageStatus,
        reason: String?,
        moves: Bool
    ) {
        #expect(DeliveryRules.moves(status, reason: reason, .delivered) == moves)
    }
}
