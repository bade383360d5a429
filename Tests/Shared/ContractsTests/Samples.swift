import Contracts
import Core

/// Types and operations the tests describe, check and route.
enum Sample {
    enum Channel: String, Codable, CaseIterable, Sendable { case email, sms }

    struct Recipient: Wire, Equatable {
        var email: EmailAddress?
        var phone: PhoneNumber?
    }

    struct Message: Wire, Equatable {
        var to: Recipient
        var channels: [Channel]
        var template: String?
        var data: [String: JSONValue]?
        var copies: Int
        var urgent: Bool
        var price: Money?
        var nested: [[Int]]?

        static var limits: [Limit] {
            [
                .count(CodingKeys.channels, 1...4), .length(CodingKeys.template, 1...10),
                .range(CodingKeys.copies, 1...9), .example(CodingKeys.template, "reminder"),
                .describe(CodingKeys.copies, "How many."),
            ]
        }
    }

    struct Change: Wire {
        var id: PatientID
        var name: String?
        var phone: Patch<PhoneNumber>
    }

    struct Search: Wire {
        var id: DoctorID
        var from: CalendarDate
        var limit: Int?
        var status: [Channel]?
        var open: Bool?
    }

    struct Hook: Wire {
        var provider: String
        var body: RawBody
    }

    static let send = Endpoint<Message, Recipient>(
        "messages.send",
        .POST,
        "/communication/messages",
        service: .communication,
        guard: .permission(Permission("messages:send")),
        status: 202,
        audit: .change,
        errors: [ErrorCode(409, "channel_not_configured")],
        summary: "Send a message"
    )
    static let change = Endpoint<Change, Recipient>(
        "patients.change",
        .PATCH,
        "/patients/{id}",
        service: .appointments,
        guard: .permission(Permission("patients:update")),
        audit: .change,
        precondition: .honoured,
        summary: "Change a patient"
    )
    struct Removal: Wire {
        var id: PatientID
    }

    static let removal = Endpoint<Removal, EmptyOutput>(
        "patients.remove",
        .DELETE,
        "/patients/{id}",
        service: .appointments,
        guard: .permission(Permission("patients:delete")),
        audit: .change,
        summary: "Remove a patient"
    )
    static let search = Endpoint<Search, Page<Recipient>>(
        "doctors.slots",
        .GET,
        "/doctors/{id}/slots",
        service: .appointments,
        guard: .permission(Permission("appointments:read")),
        audit: .none(because: "no health data"),
        streams: true,
        summary: "Free slots"
    )
    static let hook = Endpoint<Hook, EmptyOutput>(
        "webhooks.billing",
        .POST,
        "/webhooks/billing/{provider}/{clinicId}",
        service: .billing,
        guard: .signature(of: "stripe"),
        audit: .none(because: "the payment's change is audited"),
        body: .raw(maxBytes: 16),
        summary: "Take a webhook"
    )
    struct Sheet: Wire {
        var body: RawBody
    }

    /// At the place of `send`, and told from it by its body's type.
    static let sheet = Endpoint<Sheet, EmptyOutput>(
        "messages.take_in",
        .POST,
        "/communication/messages",
        service: .communication,
        guard: .permission(Permission("messages:send")),
        audit: .change,
        body: .raw(maxBytes: 100, media: ["text/csv"]),
        summary: "Take messages in"
    )
    static let keys = Endpoint<EmptyInput, Recipient>(
        "keys.read",
        .GET,
        "//.well-known/jwks.json",
        service: .access,
        guard: .open(because: "public keys"),
        tenancy: Tenancy.none,
        audit: .none(because: "public"),
        summary: "Signing keys"
    )
    static let invoice = Endpoint<EmptyInput, RawBody>(
        "invoices.pdf",
        .GET,
        "/billing/invoices/{id}.pdf",
        service: .billing,
        guard: .signedIn,
        audit: .none(because: "no health data"),
        media: "application/pdf",
        summary: "An invoice as PDF"
    )
    static let changes = Endpoint<EmptyInput, Recipient>(
        "policy.changes",
        .GET,
        "/internal/changes",
        service: .access,
        guard: .internalOnly,
        audit: .none(because: "internal"),
        summary: "Policy changes"
    )

    static let all: [any EndpointDescription] = [send, change, search, hook, keys, invoice, changes]
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
