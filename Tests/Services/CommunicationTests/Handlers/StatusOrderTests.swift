import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// Whatever the order in which a provider tells its news, and however often, a message ends the same.
@Suite(.timeLimit(.minutes(3))) struct StatusOrderTests {
    /// All orders of some things.
    private static func orders<Item>(of items: [Item]) -> [[Item]] {
        guard items.count > 1 else { return [items] }
        return items.indices.flatMap { index in
            var others = items
            let first = others.remove(at: index)
            return orders(of: others).map { [first] + $0 }
        }
    }

    @Test(arguments: [MessageChannel.email, .sms]) func allOrdersOfAnyFourEndTheSame(channel: MessageChannel) {
        func end(_ events: [DeliveryEvent]) -> String {
            let end = events.reduce((MessageStatus.sent, String?.none)) { now, event in
                if DeliveryRules.moves(now.0, reason: now.1, event) {
                    return (event.status, DeliveryRules.reason(after: event, of: now.1, by: channel.rawValue)?.code)
                }
                let comesBack = DeliveryRules.comesBack(now.0, reason: now.1, event, by: channel.rawValue)
                return comesBack ? (now.0, event.reason?.code) : now
            }
            return "\(end)"
        }
        let all = DeliveryEvent.allCases
        for first in all {
            for second in all {
                for third in all {
                    for fourth in all {
                        let ends = Set(Self.orders(of: [first, second, third, fourth]).map(end))
                        #expect(ends.count == 1, "\(first) \(second) \(third) \(fourth): \(ends)")
                    }
                }
            }
        }
    }

    /// The same in the database: one message for each order, each event told twice.
    @Test(arguments: [
        // A mail server takes an e-mail, and then finds nobody to give it to: staff are not to believe that it arrived.
        ([DeliveryEvent.softBounce, .hardBounce, .delivered, .opened], MessageStatus.opened, "hard_bounce" as String?),
        ([.delivered, .hardBounce], .delivered, "hard_bounce"), ([.softBounce, .delivered, .opened], .opened, nil),
        ([.softBounce, .rejected, .hardBounce], .failed, "hard_bounce"),
    ])
    func allOrdersEndTheSameInTheDatabase(events: [DeliveryEvent], status: MessageStatus, reason: String?)
        async throws
    {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.smtp(port: sandbox.smtpPort))
            let entry = try #require(try await clinic.configuredEntry())
            var ids: [(id: MessageID, order: [DeliveryEvent])] = []
            for (number, order) in Self.orders(of: events).enumerated() {
                ids.append((try await clinic.send(to: "o\(number)-\(clinic.clinic.low)@example.com"), order))
            }
            for (id, order) in ids {
                #expect(try await clinic.settled(id).status == .sent)
                for event in order + order.reversed() { try await clinic.tell(event, of: id, through: entry) }
                let message = try await clinic.message(id)
                #expect(message.status == status && message.reason?.code == reason, "\(order)")
                #expect(message.attempts.map(\.failure?.code) == [reason], "\(order)")
            }
        }
    }
}

extension TestClinic {
    /// A provider's report of a message of ours, about whom it names.
    func tell(
        _ event: DeliveryEvent,
        of message: MessageID,
        about recipient: String? = nil,
        code: String? = nil,
        through entry: ProviderEntry,
        at now: Instant = .now()
    ) async throws {
        let intake = DeliveryIntake(
            index: AddressIndex(blindIndex: desk.blindIndex),
            suppressions: SuppressionStore(dataKeys: desk.dataKeys),
            receipts: desk.sending.shares.receipts
        )
        let report = DeliveryReport(
            id: "\(RequestID())",
            message: message,
            event: event,
            recipient: recipient,
            code: code
        )
        let id = clinic
        try await desk.database.database.transaction(for: Tenant(id, actor: "provider:\(entry.provider)")) { tx in
            _ = try intake.take([report], of: [entry], webhook: RequestID(), clinic: id, at: now, in: tx)
        }
    }
}
