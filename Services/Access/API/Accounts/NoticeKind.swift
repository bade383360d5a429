/// Everything people may be told, for them to choose how.
///
/// A message's template belongs to one of these.
package enum NoticeKind: String, Hashable, Sendable, Codable, CaseIterable {
    case appointmentConfirmation = "appointment_confirmation"
    case appointmentChange = "appointment_change"
    case appointmentCancellation = "appointment_cancellation"
    case appointmentReminder = "appointment_reminder"
    case waitlistOffer = "waitlist_offer"
    case videoSession = "video_session"
    case prescription
    case labReport = "lab_report"
    case invoice
    case paymentReceived = "payment_received"
    case paymentReminder = "payment_reminder"
    case subscription
    /// Written by somebody of the clinic.
    case clinicMessage = "clinic_message"
    case feedbackRequest = "feedback_request"
    case marketing
    /// What concerns the account and its safety: only the order of its channels is a choice.
    case accountSecurity = "account_security"
}

/// Where somebody can be told something.
package enum NoticeChannel: String, Hashable, Sendable, Codable, CaseIterable {
    case email, sms, whatsapp, push
}
