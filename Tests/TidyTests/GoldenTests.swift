import AccessAPI
import AppointmentsAPI
import BillingAPI
import CommunicationAPI
import Contracts
import Core
import TestKit
import Testing

/// What the services promise, as files a reviewer sees change: operations, events, permissions.
@Suite struct GoldenTests {
    static let endpoints: [any EndpointDescription] =
        AccessEndpoints().all + CommunicationEndpoints().all + AppointmentsEndpoints().all + BillingEndpoints().all

    static let events: [any EventPayload.Type] = [
        ClinicChanged.self, LocationChanged.self, UserChanged.self, PatientRegistered.self, NoticeRequested.self,
        ResendWanted.self,
        DoctorChanged.self, PatientChanged.self, ServiceChanged.self,
        AppointmentBooked.self, AppointmentChanged.self, AppointmentConfirmed.self, AppointmentRescheduled.self,
        AppointmentCancelled.self, VisitCommandAnswered.self,
        InvoiceOpened.self, InvoicePaid.self, InvoiceVoided.self, InvoiceChanged.self,
        PaymentSucceeded.self, PaymentFrozen.self, PaymentChanged.self,
        InboundMessageReceived.self,
    ]

    @Test func operations() throws {
        let lines = Self.endpoints.map { endpoint in
            "\(endpoint.verb.rawValue) \(endpoint.path)  \(endpoint.name)  guard=\(endpoint.guard.name)  audit=\(word(endpoint.audit))"
        }
        try Golden.check(lines.sorted().joined(separator: "\n") + "\n", "operations.txt")
    }

    @Test func events() throws {
        let lines = try Self.events.map { event in
            let consumers = EventGroups.all[event.topic] ?? []
            return
                "\(event.kind).\(event.version)  topic=\(event.topic.rawValue)  category=\(event.category.rawValue)  "
                + "priority=\(event.priority.rawValue)  consumers=\(consumers.joined(separator: ","))  "
                + "members=\(try members(of: event))"
        }
        try Golden.check(lines.sorted().joined(separator: "\n") + "\n", "events.txt")
    }

    /// The list above is the golden list: an event that is declared and not listed would escape it.
    @Test func everyDeclaredEventIsListed() {
        let declared = SourceTree.swift(below: ["Services", "Shared/Contracts/Events"]).flatMap { file in
            file.lines.compactMap { line -> String? in
                guard !file.path.contains("/Service/"), line.contains(": EventPayload"),
                    line.hasPrefix("package struct ")
                else {
                    return nil
                }
                return line.dropFirst("package struct ".count).prefix { $0 != ":" }.description
            }
        }
        #expect(Set(declared) == Set(Self.events.map { "\($0)" }))
    }

    @Test func permissions() throws {
        let names = Set(Self.endpoints.compactMap { $0.guard.permission?.name })
        try Golden.check(names.sorted().joined(separator: "\n") + "\n", "permissions.txt")
    }

    @Test func everyOperationIsNamedOnce() {
        #expect(Set(Self.endpoints.map(\.name)).count == Self.endpoints.count)
        #expect(throws: Never.self) { try RouteTable(Self.endpoints) }
    }

    @Test func everyPublicOperationSaysWhy() {
        for endpoint in Self.endpoints {
            if case .open(let reason) = endpoint.guard {
                #expect("\(reason)".count >= 10, "\(endpoint.name) is public without a reason")
            }
        }
    }

    private func word(_ audit: AuditClass) -> String {
        switch audit {
        case .change: "change"
        case .read: "read"
        case .login: "login"
        case .none(let reason): "none (\(reason))"
        }
    }

    private func members<P: EventPayload>(of event: P.Type) throws -> String {
        try Schema.of(event).properties.map { "\($0.name)\($0.isRequired ? "" : "?")" }.joined(separator: ",")
    }
}
