import Core

/// News of a visit that nobody is helped by in the morning: it has moved to before then, or is not held.
enum VisitNews {
    private static let templates: Set<String> = [
        BuiltInTemplates.appointmentChange, BuiltInTemplates.appointmentCancellation,
    ]

    /// Whether a message is sent at night because it would come too late afterwards; a reminder then goes by itself.
    ///
    /// - Parameter opening: when the night is over.
    static func passesNight(_ template: String?, expiresAt: Instant?, until opening: Instant) -> Bool {
        guard let template, let expiresAt else { return false }
        return templates.contains(template) && expiresAt <= opening
    }
}
