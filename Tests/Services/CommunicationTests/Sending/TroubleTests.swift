import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// Providers that are overrun, all down, or given another key in the middle of a call: nothing is lost and nothing comes twice.
@Suite(.timeLimit(.minutes(4))) struct TroubleTests {
    /// Everything of a test that is sent, once it is.
    private func arrived(_ clinic: TestClinic, _ ids: [MessageID]) async throws -> [Message] {
        try await eventually("all are sent", within: .seconds(150)) {
            var messages: [Message] = []
            for id in ids { messages.append(try await clinic.message(id)) }
            return messages.allSatisfy { $0.status == .sent } ? messages : nil
        }
    }

    /// Twilio's 20429: who is refused waits, the others do not even ask, and each arrives once.
    @Test func aStormIsSatOut() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(sms: [.texts("twilio", at: sandbox.url("twilio"))])
            try await sandbox.fault("429", of: "twilio", times: 3)
            let numbers = (0..<6).map { "+49153\(10_000_000 + clinic.clinic.low % 80_000_000 + UInt64($0))" }
            var ids: [MessageID] = []
            for number in numbers {
                let draft = MessageDraft(
                    to: RecipientDraft(phone: PhoneNumber(number)),
                    channels: [.sms],
                    content: MessageContent(text: "Hello")
                )
                ids.append(try await clinic.send(draft))
            }
            let outcomes = try await arrived(clinic, ids).flatMap(\.attempts).compactMap(\.outcome)
            #expect(outcomes.count { $0 == .throttled } == 3 && outcomes.count { $0 == .accepted } == 6)
            #expect(outcomes.allSatisfy { [.throttled, .accepted, .skippedCircuitOpen].contains($0) })
            for number in numbers { #expect(try await sandbox.received(for: number).count == 1) }
            #expect(try await clinic.health().first?.state == .closed)
        }
    }

    /// A message whose only provider asks for time comes no sooner, and says so; where another one can be asked, it is.
    @Test(arguments: ["down", "429"]) func whoAsksForTimeIsLeftAlone(fault: String) async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, other) = (try TestClinic(), try TestClinic())
            try await sandbox.fault(fault, of: "zeptomail", retryAfter: 300)
            try await clinic.configure(.zeptomail(sandbox.zeptomail))
            try await other.configure(.zeptomail(sandbox.zeptomail), .smtp(port: 9))
            func waiting(_ clinic: TestClinic, _ id: MessageID) async throws -> Message {
                try await eventually("the message waits", within: .seconds(30)) {
                    let message = try await clinic.message(id)
                    return message.nextAttemptAt != nil && !message.attempts.isEmpty ? message : nil
                }
            }
            let before = Instant.now()
            // The second finds what the first has been told.
            for _ in 0..<2 {
                let message = try await waiting(clinic, try await clinic.send(to: "t\(clinic.clinic.low)@example.com"))
                #expect(try #require(message.nextAttemptAt) >= before + .seconds(299))
                #expect(message.attempts.count == 1)
            }
            let message = try await waiting(other, try await other.send(to: "t\(other.clinic.low)@example.com"))
            #expect(try #require(message.nextAttemptAt) < before + .seconds(299))
            #expect(message.attempts.map(\.provider).prefix(2) == ["zeptomail", "smtp"])
        }
    }

    /// Every circuit of the channel is open: no message fails by it, and all arrive once one provider is back.
    @Test func whenNobodyCanTakeThemTheyWait() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await sandbox.fault("down", of: "zeptomail")
            try await sandbox.fault("down", of: "smtp")
            try await clinic.configure(.zeptomail(sandbox.zeptomail), .smtp(port: sandbox.smtpPort))
            let addresses = (0..<6).map { "w\($0)-\(clinic.clinic.low)@example.com" }
            var ids: [MessageID] = []
            for address in addresses { ids.append(try await clinic.send(to: address)) }
            try await eventually("every circuit is open", within: .seconds(60)) {
                try await clinic.health().allSatisfy { $0.state != .closed }
            }
            for id in ids { #expect(try await clinic.message(id).status != .failed) }
            try await sandbox.fault(nil, of: "smtp")
            // As the checks between messages find out, which do not run here.
            for entry in try await clinic.health() where entry.provider == "smtp" {
                let path = ProviderEntryPath(clinicId: clinic.clinic, entryId: entry.entryId)
                #expect(try await clinic.ask(MessageDesk.endpoints.health.reset, path).status == 200)
            }
            _ = try await arrived(clinic, ids)
            for address in addresses {
                #expect(try await sandbox.received(for: address).map(\.provider) == ["smtp"])
            }
        }
    }

    /// The old key is refused when the new one is in force already: the message goes on with the new one, which nobody doubts.
    @Test func aKeyThatIsReplacedDuringACallIsNotHeldAgainstTheNewOne() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let address = "k\(clinic.clinic.low)@example.com"
            try await clinic.configure(.zeptomail(sandbox.zeptomail, token: "wrong-token-0001"))
            let before = try #require(try await clinic.configuredEntry())
            try await sandbox.fault("slow", of: "zeptomail", times: 1)
            let id = try await clinic.send(to: address)
            try await eventually("the call is under way", within: .seconds(30)) {
                try await clinic.message(id).attempts.first.map { $0.outcome == nil } ?? false
            }
            try await clinic.configure(.zeptomail(sandbox.zeptomail, id: before.id))
            let message = try await clinic.settled(id)
            #expect(message.status == .sent && message.attempts.map(\.outcome) == [.credentials, .accepted])
            let next = try await clinic.settled(try await clinic.send(to: address))
            #expect(next.attempts.map(\.outcome) == [.accepted])
            let health = try #require(try await clinic.health().first)
            #expect(health.state == .closed && health.reason == nil)
            #expect(try await sandbox.received(for: address).count == 2)
            // The trail tells which key each call was made with.
            let after = try #require(try await clinic.configuredEntry())
            #expect(after.id == before.id && after.fingerprint != before.fingerprint)
            let used = try await clinic.trail(of: id).map(\.using)
            #expect(used == [before, after].map { "credentials:\($0.id)=\($0.fingerprint)" })
        }
    }

    @Test(
        arguments: [
            ("visit_moved", 3, "template:visit_moved=3 "), ("visit_moved", nil, "template:visit_moved=built-in "),
            (nil, nil, ""),
        ] as [(String?, Int?, String)]
    )
    func theTrailNamesTheTemplatesVersion(template: String?, version: Int?, named: String) {
        let message = StoredMessage(
            id: MessageID(),
            version: 1,
            status: .sending,
            channels: ["email"],
            template: template,
            templateVersion: version,
            category: .care,
            priority: .normal,
            sealed: [],
            createdAt: .now(),
            updatedAt: .now(),
            rounds: 0
        )
        let entry = ProviderEntryID()
        #expect(AttemptStore.means(of: message, entry, "f0") == "\(named)credentials:\(entry)=f0")
    }

    /// Who stops marketing by WhatsApp's own button is still told of visits there.
    @Test func whoStopsMarketingIsStillToldOfVisits() {
        let said = #"{"error":{"code":131050,"message":"User has chosen to stop receiving marketing messages"}}"#
        let verdict = MetaReply.verdict(RecordedAnswer(400, [], said).response)
        #expect(verdict.outcome == .optedOut && verdict.isAboutCategory)
        #expect(SuppressionRules.blocks(.stop, of: .marketing, .marketing))
        #expect(!SuppressionRules.blocks(.stop, of: .marketing, .care))
        // A STOP to a number is about everything that comes from it.
        let stop = RecordedAnswer(400, [], #"{"code":21610,"message":"Attempt to send to unsubscribed recipient"}"#)
        #expect(!TwilioReply.verdict(stop.response).isAboutCategory)
    }
}

extension TestClinic {
    /// What the trail says of a message's calls, in order.
    func trail(of message: MessageID) async throws -> [AuditRecord] {
        try await desk.database.audit(of: clinic).filter {
            $0.actor.type == Principal.Kind.provider.rawValue && $0.resource.id == message.description
        }
    }
}
