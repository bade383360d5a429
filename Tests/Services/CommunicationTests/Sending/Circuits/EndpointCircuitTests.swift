import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig
import Sandbox
import Synchronization
import TestKit
import Testing

@testable import Communication

/// The circuit of a provider's host, which all clinics share; the clock is put forward, so one after the other with the rest.
extension CircuitTests {
    @Suite struct EndpointTests {
        /// A place at which a sandbox ran and will run again, and no other test's: they share what is known of a host.
        private func place() async throws -> SandboxSettings {
            var settings = SandboxSettings()
            settings.host = SandboxPlace.nobody
            let port = Mutex(0)
            try await SandboxPlace.with(settings) { sandbox in port.withLock { $0 = sandbox.ports.http } }
            settings.port = port.withLock { $0 }
            return settings
        }

        private func outcomes(_ clinic: TestClinic) async throws -> [AttemptOutcome?] {
            try await clinic.settled(try await clinic.send(to: "e\(clinic.clinic.low)@example.com")).attempts.map(
                \.outcome
            )
        }

        private func areWell(_ clinics: [TestClinic]) async throws {
            for clinic in clinics.reversed() { #expect(try await outcomes(clinic) == [.accepted]) }
            #expect(try await clinics[3].health().allSatisfy { $0.endpoint == nil && $0.state == .closed })
        }

        @Test func threeClinicsThatCannotReachAHostSpareTheOthers() async throws {
            let place = try await place()
            try await SandboxPlace.with { mail in
                let clinics = try (0..<4).map { _ in try TestClinic() }
                for clinic in clinics {
                    try await clinic.configure(
                        .zeptomail("http://\(place.host):\(place.port)/zeptomail"),
                        .smtp(port: mail.smtpPort)
                    )
                }
                // Two clinics alone never open it, however often they fail.
                for clinic in clinics[..<2] {
                    for _ in 0..<4 { #expect(try await outcomes(clinic) == [.transient, .accepted]) }
                }
                #expect(try await clinics[3].health().allSatisfy { $0.endpoint == nil })
                #expect(try await outcomes(clinics[2]) == [.transient, .accepted])
                // A clinic that has not failed yet is spared it.
                let id = try await clinics[3].send(to: "e\(clinics[3].clinic.low)@example.com")
                let spared = try await clinics[3].settled(id)
                #expect(spared.attempts.map(\.outcome) == [.skippedCircuitOpen, .accepted])
                #expect(spared.attempts.first?.detail?.contains("host") == true)
                let shown = try #require(try await clinics[3].health().first)
                #expect(shown.state == .closed && shown.endpoint?.state == .open && shown.endpoint?.retryAt != nil)
                #expect(try await clinics[3].health().last?.endpoint == nil)
                // The one call that tries it again finds it down still.
                clinics[0].desk.clock.advance(.seconds(31))
                #expect(try await outcomes(clinics[3]) == [.transient, .accepted])
                #expect(try await outcomes(clinics[2]) == [.skippedCircuitOpen, .accepted])
                clinics[0].desk.clock.advance(.seconds(61))
                try await SandboxPlace.with(place) { _ in try await areWell(clinics) }
            }
        }

        @Test func anAnswerIsAnAnswerWhateverItSays() async throws {
            try await SandboxPlace.with { sandbox in
                try await sandbox.fault("500", of: "zeptomail")
                for _ in 0..<4 {
                    let clinic = try TestClinic()
                    try await clinic.configure(.zeptomail(sandbox.zeptomail), .smtp(port: sandbox.smtpPort))
                    for _ in 0..<2 { #expect(try await outcomes(clinic) == [.transient, .accepted]) }
                    #expect(try await clinic.health().allSatisfy { $0.endpoint == nil })
                }
            }
        }
    }

    @Test(arguments: [
        (OutboundFailure.notSent(.connect), ProviderVerdict.Host.unreachable), (.notSent(.dns), .unreachable),
        (.notSent(.tls), .unreachable), (.notSent(.deadline), .unreachable), (.notSent(.busy), .untried),
        (.notSent(.cancelled), .untried), (.notSent(.policy), .untried), (.lost(.closed), .unreachable),
        (.lost(.deadline), .unreachable), (.lost(.cancelled), .untried), (.lost(.tooLarge), .answered),
    ]) func whatAFailureSaysOfTheHost(failure: OutboundFailure, host: ProviderVerdict.Host) {
        #expect(ProviderVerdict(failure: failure).host == host)
    }
}
