import CommunicationAPI

/// The templates every clinic has, with subjects that say nothing about anybody's health.
struct BuiltInTemplates: Sendable {
    static let appointmentConfirmation = "appointment_confirmation"
    static let appointmentCancellation = "appointment_cancellation"
    static let appointmentReminder = "appointment_reminder"
    static let paymentReceived = "payment_received"

    private let templates: [String: MessageTemplate]

    init() throws {
        let visit = ["clinicName", "patientName", "doctorName", "serviceName", "date", "time", "timeZone"]
        let all = [
            try MessageTemplate(
                name: Self.appointmentConfirmation,
                category: .care,
                variables: visit,
                subject: "Your appointment with {{clinicName}}",
                text: """
                    Dear {{patientName}},

                    your appointment is confirmed: {{date}} at {{time}} ({{timeZone}}) with {{doctorName}}, {{serviceName}}.

                    If you cannot come, please let us know.
                    {{clinicName}}
                    """
            ),
            try MessageTemplate(
                name: Self.appointmentCancellation,
                category: .care,
                variables: visit,
                subject: "Your appointment with {{clinicName}} was cancelled",
                text: """
                    Dear {{patientName}},

                    your appointment on {{date}} at {{time}} ({{timeZone}}) with {{doctorName}}, {{serviceName}}, was cancelled.

                    {{clinicName}}
                    """
            ),
            try MessageTemplate(
                name: Self.appointmentReminder,
                category: .care,
                variables: visit,
                subject: "A reminder from {{clinicName}}",
                text: """
                    Dear {{patientName}},

                    we expect you on {{date}} at {{time}} ({{timeZone}}) with {{doctorName}}, {{serviceName}}.

                    If you cannot come, please let us know.
                    {{clinicName}}
                    """
            ),
            try MessageTemplate(
                name: Self.paymentReceived,
                category: .billing,
                variables: ["clinicName", "patientName", "invoiceNumber", "amount"],
                subject: "Your payment to {{clinicName}}",
                text: """
                    Dear {{patientName}},

                    we have received {{amount}} for invoice {{invoiceNumber}}. Thank you.

                    {{clinicName}}
                    """
            ),
        ]
        templates = Dictionary(uniqueKeysWithValues: (all + (try SecurityTemplates.all())).map { ($0.name, $0) })
    }

    subscript(_ name: String) -> MessageTemplate? { templates[name] }
    var names: [String] { templates.keys.sorted() }
}
