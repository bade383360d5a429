import AccessAPI
import CommunicationAPI

/// What people are told about their accounts.
///
/// Only the installation itself sends these, and what they say is shown to nobody but who receives it.
enum SecurityTemplates {
    static func all() throws -> [MessageTemplate] { try NoticeTemplate.allCases.map(template) }

    /// Whether the template's messages hold codes and links that open accounts.
    static func contains(_ name: String?) -> Bool { name.flatMap { NoticeTemplate(rawValue: $0) } != nil }

    private static func template(_ notice: NoticeTemplate) throws -> MessageTemplate {
        let (variables, subject, text) = parts(of: notice)
        return try MessageTemplate(
            name: notice.rawValue,
            category: .security,
            variables: ["clinicName"] + variables,
            subject: subject,
            text: text + "\n\n{{clinicName}}"
        )
    }

    private static func parts(of notice: NoticeTemplate) -> (variables: [String], subject: String, text: String) {
        switch notice {
        case .invitation:
            (
                ["link"], "Your invitation to {{clinicName}}",
                """
                You have been invited to work with {{clinicName}}. To accept, open this link within 7 days; it works once:

                {{link}}
                """
            )
        case .oneTimeCode:
            (
                ["code", "minutes"], "Your code for {{clinicName}}",
                """
                Your code is {{code}}. It works once, for {{minutes}} minutes.

                Nobody from {{clinicName}} will ever ask you for it. If you did not ask for a code, you need not do anything.
                """
            )
        case .passwordReset:
            (
                ["link"], "Your new password for {{clinicName}}",
                """
                To choose a new password, open this link; it works once:

                {{link}}

                If you did not ask for it, you need not do anything: your password stays as it is.
                """
            )
        case .passwordChanged:
            (
                [], "Your password was changed",
                """
                Your password was changed, and everybody who was signed in with the former one has been signed out.

                If it was not you, please tell {{clinicName}} at once.
                """
            )
        case .accountExists:
            (
                [], "You have an account already",
                """
                Somebody, perhaps you, wanted to register with this address at {{clinicName}}. You have an account already: \
                sign in with it, or ask for a one-time code.

                If it was not you, you need not do anything.
                """
            )
        case .breakGlassStarted:
            (
                ["personName", "minutes"], "Emergency access has begun at {{clinicName}}",
                """
                {{personName}} has opened emergency access to a patient's record, for {{minutes}} minutes. Everything seen \
                under it is recorded and waits for your review.
                """
            )
        case .welcome:
            (
                [], "Welcome to {{clinicName}}",
                """
                Your account at {{clinicName}} is ready. You can sign in with a one-time code at any time.
                """
            )
        }
    }
}
