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

    /// So many of some things, each as often as one likes and in whatever order.
    private static func choices<Item>(of count: Int, from items: ArraySlice<Item>) -> [[Item]] {
        guard count > 0 else { return [[]] }
        return items.indices.flatMap { index in
            choices(of: count - 1, from: items[index...]).map { [items[index]] + $0 }
        }
    }

    /// From where nothing is known; that it was taken is told in any place.
    @Test(arguments: [MessageChannel.email, .sms]) func allOrdersOfAnyFourEndTheSame(channel: MessageChannel) {
        func end(_ events: [DeliveryEvent]) -> String {
            let end = events.reduce((MessageStatus.unknown, String?.none)) { now, event in
                if DeliveryRules.moves(now.0, reason: now.1, event) {
                    return (event.status, DeliveryRules.reason(after: event, of: now.1, by: channel.rawValue)?.code)
                }
                let comesBack = DeliveryRules.comesBack(now.0, reason: now.1, event, by: channel.rawValue)
                return comesBack ? (now.0, event.reason?.code) : now
            }
            return "\(end)"
        }
        for events in Self.choices(of: 4, from: DeliveryEvent.allCases[...]) {
            let ends = Set(Self.orders(of: events).map(end))
            #expect(ends.count == 1, "\(events): \(ends)")
        }
    }

    private func lose(_ id: MessageID, of clinic: TestClinic) async throws {
        try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
            tx.execute(
                "update messages set status = 'unknown', reason_code = \(SendingRules.lost.code), reason_detail = \(SendingRules.lost.detail) where id = \(id)"
            )
            tx.execute("update message_attempts set outcome = 'unknown_outcome' where message_id = \(id)")
        }
    }

    /// A reply that was lost is made good by whatever shows that the provider has the message; where it was not lost it is no news.
    @Test func whoHasAMessageOfWhichNothingWasKnownHasTakenIt() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.smtp(port: sandbox.smtpPort))
            let entry = try #require(try await clinic.configuredEntry())
            let id = try await clinic.send(to: "s-\(clinic.clinic.low)@example.com")
            #expect(try await clinic.settled(id).status == .sent)
            let before = try await clinic.message(id)
            for told in [id, MessageID()] { try await clinic.tell(.sent, of: told, through: entry) }
            #expect(try await clinic.message(id).updatedAt == before.updatedAt)
            #expect(try await events(of: clinic) == [])
            try await lose(id, of: clinic)
            try await clinic.tell(.sent, of: id, through: entry)
            let found = try await clinic.message(id)
            #expect(found.status == .sent && found.reason == nil)
            #expect(found.attempts.map(\.outcome) == [.unknownOutcome] && found.attempts.map(\.failure) == [nil])
            #expect(try await events(of: clinic) == ["sent"])
            // Told again, and after it has arrived, it changes nothing.
            try await clinic.tell(.delivered, of: id, through: entry)
            try await clinic.tell(.sent, of: id, through: entry)
            #expect(try await clinic.message(id).status == .delivered)
        }
    }

    /// While the provider is being called, nobody knows yet whether its reply will be lost.
    @Test func whatIsToldDuringACallIsHeardAfterIt() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.smtp(port: sandbox.smtpPort))
            let entry = try #require(try await clinic.configuredEntry())
            let id = try await clinic.send(to: "d-\(clinic.clinic.low)@example.com")
            #expect(try await clinic.settled(id).status == .sent)
            try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
                tx.execute("update messages set status = 'sending' where id = \(id)")
                tx.execute("update message_attempts set outcome = null where message_id = \(id)")
            }
            try await clinic.tell(.sent, of: id, through: entry)
            #expect(try await clinic.message(id).status == .sending)
            try await lose(id, of: clinic)
            #expect(try await clinic.settled(id, [.sent]).status == .sent)
        }
    }

    /// Somebody has sent it again since: the message stays as it is, and shows of the former try what became of it.
    @Test func whatIsToldOfAFormerTryIsAnotherVersion() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.smtp(port: sandbox.smtpPort))
            let entry = try #require(try await clinic.configuredEntry())
            let id = try await clinic.send(to: "v-\(clinic.clinic.low)@example.com")
            #expect(try await clinic.settled(id).status == .sent)
            try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
                tx.execute("update messages set settled_attempts = 1 where id = \(id)")
            }
            let read = MessageDesk.endpoints.messages.read
            let before = try await clinic.ask(read, MessagePath(id: id))
            try await clinic.tell(.hardBounce, of: id, through: entry)
            let after = try await clinic.ask(read, MessagePath(id: id))
            #expect(after.output?.status == .sent)
            #expect(after.output?.attempts.map { $0.failure?.code } == ["hard_bounce"])
            #expect(before.version != nil && after.version != before.version)
            // What it has told before is no news.
            try await clinic.tell(.softBounce, of: id, through: entry)
            #expect(try await clinic.ask(read, MessagePath(id: id)).version == after.version)
        }
    }

    private func events(of clinic: TestClinic) async throws -> [String] {
        try await clinic.desk.database.inspect(
            "select kind from delivery_events where clinic_id = \(clinic.clinic) order by received_at"
        ) { rows in try rows.map { try $0[0] } }
    }

    /// The same in the database: one message for each order, each event told twice.
    @Test(arguments: [
        // A mail server takes an e-mail, and then finds nobody to give it to: staff are not to believe that it arrived.
        ([DeliveryEvent.softBounce, .hardBounce, .delivered, .opened], MessageStatus.opened, "hard_bounce" as String?),
        ([.delivered, .hardBounce], .delivered, "hard_bounce"), ([.softBounce, .delivered, .opened], .opened, nil),
        ([.softBounce, .rejected, .hardBounce], .failed, "hard_bounce"), ([.sent, .delivered], .delivered, nil),
        ([.sent, .softBounce, .hardBounce], .failed, "hard_bounce"),
        ([.sent, .softBounce, .delivered], .delivered, nil),
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
                // Where the provider tells that it has it, nobody knew.
                if events.contains(.sent) { try await lose(id, of: clinic) }
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
