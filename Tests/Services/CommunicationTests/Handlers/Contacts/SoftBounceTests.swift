import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// Addresses that take nothing for days: left alone for a while, and not before.
@Suite(.timeLimit(.minutes(3))) struct SoftBounceTests {
    /// An address of a clinic's, on a channel.
    private struct Place: Sendable {
        let clinic: TestClinic
        let channel: MessageChannel
        let phone: PhoneNumber
        let email: EmailAddress
        let entry: ProviderEntry

        init(_ channel: MessageChannel, _ sandbox: SandboxPlace) async throws {
            clinic = try TestClinic()
            self.channel = channel
            let low = clinic.clinic.low
            phone = try #require(PhoneNumber("+49152\(10_000_000 + low % 80_000_000)"))
            email = try #require(EmailAddress("soft\(low)@example.com"))
            try await clinic.configure(
                email: [.sendgrid(sandbox.url("sendgrid"))],
                sms: [.texts("twilio", at: sandbox.url("twilio"))]
            )
            let resolver = clinic.desk.sending.resolver
            let entries = try await resolver.resolve(clinic.clinic, channel: channel.rawValue).entries
            entry = try #require(entries.first)
        }

        func send() async throws -> Message {
            let draft = MessageDraft(
                to: RecipientDraft(email: email, phone: phone),
                channels: [channel],
                content: MessageContent(subject: "Hello", text: "See you tomorrow.")
            )
            return try await clinic.settled(try await clinic.send(draft), [.sent, .failed, .suppressed])
        }

        /// A message of today, of which a provider tells; the ones before it are a day older each.
        @discardableResult
        func send(_ event: DeliveryEvent?) async throws -> MessageID {
            try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
                for change: Query in [
                    "update messages set created_at = created_at - interval '1 day' where clinic_id = clinic_id()",
                    "update message_attempts set started_at = started_at - interval '1 day' where clinic_id = clinic_id()",
                    "update conversations set heard_at = heard_at - interval '1 day' where clinic_id = clinic_id()",
                ] { tx.execute(change) }
            }
            let message = try await send()
            #expect(message.status == .sent)
            if let event { try await tell(event, of: message.id) }
            return message.id
        }

        func tell(_ event: DeliveryEvent, of message: MessageID) async throws {
            let about = channel == .email ? email.address : phone.number
            try await clinic.tell(event, of: message, about: about, code: "30004", through: entry)
        }

        func suppressions() async throws -> [Suppression] {
            let list = MessageDesk.endpoints.suppressions.list
            return try #require(try await clinic.ask(list, SuppressionListRequest()).output?.items)
        }
    }

    @Test(arguments: [MessageChannel.sms, .email])
    func whatTakesNothingForDaysIsLeftAloneForAWhile(channel: MessageChannel) async throws {
        try await SandboxPlace.with { sandbox in
            let place = try await Place(channel, sandbox)
            for _ in 1..<SoftBounceRules.most {
                let id = try await place.send(.softBounce)
                // Told again it is the same.
                try await place.tell(.softBounce, of: id)
            }
            #expect(try await place.suppressions().isEmpty)
            let last = try await place.send(.softBounce)
            try await place.tell(.softBounce, of: last)
            let found = try #require(try await place.suppressions().first)
            #expect(found.reason == .hardBounce && found.channel == channel && found.category == nil)
            #expect(found.source == "provider:\(place.entry.provider)")
            let begun = try #require(try await place.clinic.message(last).attempts.last?.at)
            #expect(found.expiresAt == begun + SoftBounceRules.pause)
            let next = try await place.send()
            #expect(next.status == .suppressed && next.reason?.code == "suppressed_hard_bounce")
            #expect(next.attempts.map(\.outcome) == [.skippedSuppressed])
            let made = try await place.clinic.desk.database.audit(of: place.clinic.clinic).filter {
                $0.action == CommunicationPermissions.createSuppressions.name
            }
            #expect(made.map(\.reason) == ["soft_bounce"] && made.map(\.actor.id) == [place.entry.provider])
            #expect(made.map(\.resource.id) == ["\(found.id)"])
        }
    }

    /// It takes messages, or somebody writes from it: what came back before does not count any more.
    @Test func whatIsThereInBetweenIsNotLeftAlone() async throws {
        try await SandboxPlace.with { sandbox in
            let place = try await Place(.sms, sandbox)
            for _ in 1..<SoftBounceRules.most { try await place.send(.softBounce) }
            try await place.send(.delivered)
            for _ in 1..<SoftBounceRules.most { try await place.send(.softBounce) }
            let text = InboundText(
                channel: .sms,
                to: "+15005550006",
                from: place.phone,
                text: "Hello",
                media: [],
                providerMessageID: "SM\(RequestID())"
            )
            try await place.clinic.take(text)
            for _ in 1..<SoftBounceRules.most { try await place.send(.softBounce) }
            #expect(try await place.suppressions().isEmpty)
            try await place.send(.softBounce)
            #expect(try await place.suppressions().count == 1)
            // Who writes is there.
            var again = text
            again.providerMessageID = "SM\(RequestID())"
            try await place.clinic.take(again)
            #expect(try await place.suppressions().isEmpty)
        }
    }
}
