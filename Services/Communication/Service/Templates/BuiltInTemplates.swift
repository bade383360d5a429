import CommunicationAPI
import Core

/// The templates every clinic has, with subjects that say nothing about anybody's health.
enum BuiltInTemplates {
    static let appointmentConfirmation = "appointment_confirmation"
    static let appointmentChange = "appointment_change"
    static let appointmentCancellation = "appointment_cancellation"
    static let appointmentReminder = "appointment_reminder"
    static let appointmentReminderTwoHours = "appointment_reminder_2h"
    static let appointmentReminderHalfHour = "appointment_reminder_30min"
    static let invoice = "invoice"
    static let paymentReceived = "payment_received"
    static let paymentFailed = "payment_failed"
    static let help = "reply_help"
    static let stopConfirmation = "reply_stop"
    static let startConfirmation = "reply_start"
    static let adminAlert = "admin_alert"

    /// All, by name.
    static let all: [BuiltInTemplate] =
        (SecurityTemplates.all + VisitTemplates.all + AnswerTemplates.all + BookingTemplates.all + BillingTemplates.all
        + StaffTemplates.all)
        .sorted { $0.name < $1.name }

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
    private static let byID = Dictionary(uniqueKeysWithValues: all.map { ($0.id, $0) })

    static func named(_ name: String) -> BuiltInTemplate? { byName[name] }
    static func with(_ id: TemplateID) -> BuiltInTemplate? { byID[id] }
}
