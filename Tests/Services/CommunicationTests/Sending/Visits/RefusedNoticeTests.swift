import AppointmentsAPI
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// What a patient was to be told and cannot be is there to be seen, and why.
@Suite(.timeLimit(.minutes(2))) struct RefusedNoticeTests {
    private static let mumbai = "+919876543210"

    /// Why nobody can be told of a visit.
    enum Hindrance: CaseIterable, Sendable {
        case noProvider, noAddress, unregisteredText, noCampaign

        var code: String {
            switch self {
            case .noProvider: "channel_not_configured"
            case .noAddress: Problem.invalidCode
            case .unregisteredText: "in_dlt_template"
            case .noCampaign: "us_10dlc"
            }
        }

        /// What the reason says beside.
        var detail: String {
            switch self {
            case .noProvider: "no provider for email"
            case .noAddress: "/to/patientId has no address for sms"
            case .unregisteredText: "registered for India"
            case .noCampaign: "not registered (10DLC)"
            }
        }

        var phone: String? {
            switch self {
            case .noProvider, .noAddress: nil
            case .unregisteredText: RefusedNoticeTests.mumbai
            case .noCampaign: "+12125550123"
            }
        }

        var rules: CountryRegistrations? {
            switch self {
            case .noProvider, .noAddress: nil
            case .unregisteredText:
                CountryRegistrations(
                    india: IndiaRegistration(
                        entityId: "1101456070000012345",
                        header: "CLINIC",
                        templates: [DLTTemplate(id: "1107160000000000001", text: "Dear {#var#}, we expect you.")]
                    )
                )
            case .noCampaign: CountryRegistrations(unitedStates: .init(registered: false))
            }
        }
    }

    /// A visit at a clinic that cannot tell of it.
    private func visit(_ hindrance: Hindrance) async throws -> ToldVisit {
        let clinic = try TestClinic()
        if hindrance != .noProvider {
            try await clinic.configure(
                sms: [.twilio(SandboxPlace.nowhere)],
                settings: CommunicationSettings(countryRules: hindrance.rules)
            )
        }
        let visit = ToldVisit(clinic: clinic, phone: hindrance.phone.flatMap { PhoneNumber($0) })
        try await visit.tellOfPeople()
        try await visit.tellOfClinic()
        return visit
    }

    private func book(_ visit: ToldVisit) async throws {
        let booked = AppointmentBooked(appointment: try visit.state(.confirmed))
        try await visit.tell(booked, "\(visit.appointment)", 1)
    }

    private func noticesAreDone(_ clinic: TestClinic) async throws {
        try await eventually("every notice is done", within: .seconds(60)) {
            try await clinic.desk.database.inspect(
                """
                select count(*) from jobs where clinic_id = \(clinic.clinic) and handler = \(NoticeJob.name)
                    and due_at < now()
                """
            ) { try $0[0][0] as Int } == 0
        }
    }

    @Test(arguments: Hindrance.allCases) func itIsSeenThatNobodyWasTold(hindrance: Hindrance) async throws {
        let visit = try await visit(hindrance)
        try await book(visit)
        let listed = try await eventually("the message", within: .seconds(40)) { try await visit.messages().first }
        let message = try await visit.clinic.message(listed.id)
        #expect(message.status == .failed && message.reason?.code == hindrance.code)
        let detail = try #require(message.reason?.detail)
        #expect(detail.contains(hindrance.detail), "\(detail)")
        #expect(!detail.contains(visit.email) && !detail.contains("Asha"))
        if let phone = hindrance.phone { #expect(!detail.contains(phone)) }
        #expect(message.template == BuiltInTemplates.appointmentConfirmation && message.category == .care)
        #expect(message.patientId == visit.patient && message.expiresAt == visit.start)
        #expect(message.attempts.isEmpty && message.content == nil && message.nextAttemptAt == nil)
        // Told again it is no news, and what has no words is not sent.
        try await book(visit)
        try await noticesAreDone(visit.clinic)
        #expect(try await visit.messages().count == 1)
        #expect(try await visit.clinic.jobCount() == 0)
    }

    @Test func itIsCountedAndNotSentAgain() async throws {
        let visit = try await visit(.noAddress)
        try await book(visit)
        let message = try await eventually("the message", within: .seconds(40)) { try await visit.messages().first }
        let path = MessagePath(id: message.id)
        let again = try await visit.clinic.ask(MessageDesk.endpoints.messages.retry, path)
        #expect(again.status == 409 && again.code == "not_retryable")
        #expect(try await visit.clinic.message(message.id).status == .failed)
        #expect(try await visit.clinic.jobCount() == 0)
        let counts = try await visit.clinic.ask(MessageDesk.endpoints.analytics.read, AnalyticsRequest(by: .channel))
        let rows = try #require(counts.output?.items)
        #expect(rows.map(\.key) == ["sms"] && rows.map(\.failed) == [1] && rows.map(\.total) == [1])
        // Nothing of what it was to say is kept, sealed or not.
        let sealer = try await visit.clinic.desk.dataKeys.sealer(for: visit.clinic.clinic)
        let tenant = Tenant(visit.clinic.clinic, actor: "test")
        let content = try await visit.clinic.desk.database.database.transaction(for: tenant) { tx in
            let stored = try #require(try MessageStore.find(message.id, in: tx))
            return try SealedContent.open(stored.sealed, of: message.id, with: sealer)
        }
        #expect(content == SealedContent(text: "", isRefused: true))
    }

    /// What there is nothing to say of any more has not failed.
    @Test func aVisitThatIsOverLeavesNothing() async throws {
        var visit = try await visit(.noAddress)
        visit.start = .now() - .seconds(60)
        try await book(visit)
        try await noticesAreDone(visit.clinic)
        #expect(try await visit.messages().isEmpty)
    }
}
