import CommunicationAPI
import Contracts
import Core
import TestKit
import Testing

@testable import Communication

/// Messages through the providers' own protocols, played by the sandbox.
@Suite(.timeLimit(.minutes(3))) struct ProviderChainTests {
    private func address(_ clinic: TestClinic) -> String { "q\(clinic.clinic.low)@example.com" }

    @Test func whenSESIsDownSendGridTakesItOnce() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await sandbox.fault("down", of: "aws_ses")
            try await clinic.configure(.awsSES(sandbox.url("aws_ses")), .sendgrid(sandbox.url("sendgrid")))
            let id = try await clinic.send(to: address(clinic))
            let message = try await clinic.settled(id)
            #expect(message.status == .sent && message.reason == nil)
            #expect(message.attempts.map(\.provider) == ["aws_ses", "sendgrid"])
            #expect(message.attempts.map(\.outcome) == [.transient, .accepted])
            #expect(message.attempts[0].providerCode == "ServiceUnavailableException")
            #expect(message.attempts[0].detail == "The provider is not available.")
            let received = try await sandbox.received(for: address(clinic))
            #expect(received.map(\.provider) == ["sendgrid"])
            #expect(received.first?.message["id"]?.string == message.attempts[1].providerMessageId)
            #expect(received.first?.message["reference"]?.string == id.description)
            #expect(received.first?.message["text"]?.string == "Your results are in.")
            #expect(received.first?.message["html"]?.string == "<p>Your results are in.</p>")
        }
    }

    @Test(arguments: ["aws_ses", "sendgrid", "resend"]) func eachTakesItWhenItIsWell(provider: String) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(try .named(provider, at: sandbox.url(provider)))
            let id = try await clinic.send(to: address(clinic))
            let message = try await clinic.settled(id)
            #expect(message.attempts.map(\.outcome) == [.accepted])
            let received = try await sandbox.received(for: address(clinic))
            #expect(received.map(\.provider) == [provider])
            #expect(received.first?.message["id"]?.string == message.attempts.first?.providerMessageId)
            #expect(received.first?.message["reference"]?.string == id.description)
            #expect(received.first?.message["headers"]?["Auto-Submitted"]?.string == "auto-generated")
            let entry = try #require(try await clinic.configuredEntry())
            #expect(
                await clinic.desk.sending.providers.provider(for: entry)?.check(deadline: .after(.seconds(10))).outcome
                    == .accepted
            )
        }
    }

    @Test(arguments: [
        ("aws_ses", "429", AttemptOutcome.throttled), ("aws_ses", "500", .transient), ("sendgrid", "429", .throttled),
        ("sendgrid", "500", .transient), ("resend", "429", .throttled), ("resend", "500", .transient),
    ])
    func whateverOneSaysTheNextTakesIt(provider: String, fault: String, outcome: AttemptOutcome) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await sandbox.fault(fault, of: provider)
            try await clinic.configure(
                try .named(provider, at: sandbox.url(provider)),
                .smtp(port: sandbox.smtpPort, password: "pw")
            )
            let message = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(message.attempts.map(\.outcome) == [outcome, .accepted])
            #expect(try await sandbox.received(for: address(clinic)).map(\.provider) == ["smtp"])
        }
    }

    @Test(arguments: ["aws_ses", "sendgrid", "resend"]) func wrongCredentialsLatch(provider: String) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(
                try .named(provider, at: sandbox.url(provider), wrong: true),
                .smtp(port: sandbox.smtpPort, password: "pw")
            )
            let first = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(first.attempts.map(\.outcome) == [.credentials, .accepted])
            let second = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(second.attempts.map(\.outcome) == [.skippedCircuitOpen, .accepted])
            let latched = try #require(try await clinic.health().first)
            #expect(latched.state == .latched && latched.reason == "credentials" && latched.retryAt == nil)
            try await clinic.configure(
                try .named(provider, at: sandbox.url(provider)),
                .smtp(port: sandbox.smtpPort, password: "pw")
            )
            let third = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(third.attempts.map(\.outcome) == [.accepted])
        }
    }

    @Test(arguments: ["aws_ses", "sendgrid"]) func aLostReplyIsNotSentAgain(provider: String) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await sandbox.fault("lost_reply", of: provider)
            try await clinic.configure(
                try .named(provider, at: sandbox.url(provider)),
                .smtp(port: sandbox.smtpPort, password: "pw")
            )
            let message = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(message.status == .unknown && message.reason?.code == "unknown_outcome")
            #expect(message.attempts.map(\.outcome) == [.unknownOutcome])
            #expect(try await sandbox.received(for: address(clinic)).map(\.provider) == [provider])
        }
    }

    @Test func anUnverifiedSenderIsPassedOver() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let drafts = try ["aws_ses", "sendgrid", "resend"].map { name in
                var draft = try ProviderDraft.named(name, at: sandbox.url(name))
                draft.credentials["fromEmail"] = "clinic@unverified.example.com"
                return draft
            }
            try await clinic.configure(drafts[0], drafts[1], drafts[2], .smtp(port: sandbox.smtpPort, password: "pw"))
            let message = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(
                message.attempts.map(\.outcome)
                    == [.senderNotAuthorised, .senderNotAuthorised, .senderNotAuthorised, .accepted]
            )
        }
    }
}
