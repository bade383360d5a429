import CommunicationAPI
import Core
import Testing

@testable import Communication

/// Which attempt a report is about.
@Suite struct ReportedAttemptsTests {
    private static let message = MessageID()

    private static func attempt(_ number: Int, _ providerID: String?) -> ReportedAttempt {
        ReportedAttempt(
            message: message,
            number: number,
            providerMessageID: providerID,
            channel: "email",
            provider: "resend",
            fingerprint: "",
            startedAt: .now(),
            isOpen: false
        )
    }

    @Test(
        arguments: [
            // By the provider's id, whichever it is.
            ([(1, "a"), (2, "b")], "a", true, 1), ([(1, "a"), (2, "b")], "b", true, 2),
            ([(1, "a"), (2, "b")], "b", false, 2),
            // By ours alone: the last.
            ([(1, "a"), (2, "b")], nil, true, 2), ([(2, "b"), (1, "a")], nil, true, 2),
            // Another id is the one whose answer was lost.
            ([(1, nil), (2, "b")], "x", true, 1), ([(1, "a"), (2, nil)], "x", true, 2),
            ([(1, "a"), (2, "b")], "x", true, 2),
            // Nobody's.
            ([(1, "a")], "x", false, nil), ([], "x", true, nil), ([(1, "a")], nil, false, nil),
        ] as [([(Int, String?)], String?, Bool, Int?)]
    )
    func theOneThatIsMeant(_ all: [(Int, String?)], _ providerID: String?, _ isOurs: Bool, _ number: Int?) {
        let attempts = ReportedAttempts(all.map { Self.attempt($0.0, $0.1) })
        let report = KeptReport(
            id: "1",
            message: isOurs ? Self.message : nil,
            providerMessageID: providerID,
            event: .hardBounce
        )
        #expect(attempts.attempt(of: report)?.number == number)
    }
}
