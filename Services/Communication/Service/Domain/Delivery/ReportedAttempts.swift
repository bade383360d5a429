import Core

/// Finds which attempt a report is about: a message that was sent again has several.
struct ReportedAttempts: Sendable {
    private let byProvider: [String: ReportedAttempt]
    private let byMessage: [MessageID: [ReportedAttempt]]

    init(_ attempts: [ReportedAttempt]) {
        byMessage = Dictionary(grouping: attempts, by: \.message)
        byProvider = Dictionary(attempts.compactMap { attempt in attempt.providerMessageID.map { ($0, attempt) } }) {
            first,
            _ in first
        }
    }

    /// The one that the provider calls so; else the last of the message that the provider may call so.
    func attempt(of report: KeptReport) -> ReportedAttempt? {
        if let attempt = report.providerMessageID.flatMap({ byProvider[$0] }) { return attempt }
        let attempts = report.message.flatMap { byMessage[$0] } ?? []
        // Another name than the known ones is the name of the one whose answer was lost.
        let nameless = attempts.filter { $0.providerMessageID == nil }
        let fitting = report.providerMessageID == nil || nameless.isEmpty ? attempts : nameless
        return fitting.max { $0.number < $1.number }
    }
}
