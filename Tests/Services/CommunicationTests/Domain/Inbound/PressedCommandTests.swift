import Testing

@testable import Communication

@Suite struct PressedCommandTests {
    @Test(
        arguments: [
            ("CANCEL", .cancel), ("cancel", .cancel), ("CANCEL_VISIT", .cancel), ("cancel-appointment", .cancel),
            ("absagen", .cancel), ("रद्द करें", .cancel), ("CONFIRM", .confirm), ("bestätigen", .confirm),
            ("reschedule", .reschedule), ("YES", .yes), ("no", .no), ("STOP", .stop), ("START", .start),
            ("help", .help),
            // What is named so by some program is nobody's word.
            ("cancle", nil), ("cancel1", nil), ("confirm:1", nil), ("end", nil), ("t", nil), ("no visit", nil),
            ("CANCEL \(String(repeating: "!", count: 300))", nil), ("visit", nil), ("r1", nil), ("1", nil), ("", nil),
        ] as [(String, InboundCommand?)]
    )
    func onlyACommandIsOne(payload: String, command: InboundCommand?) {
        #expect(PressedCommand.read(payload) == command)
    }

    /// An end of messages is one wherever it stands; they begin again only where that stands on what is pressed.
    @Test(
        arguments: [
            ("CANCEL", nil, .cancel), ("CANCEL", .confirm, .cancel), ("CANCEL", .start, .cancel),
            ("CANCEL", .stop, .stop), ("START", .stop, .stop), ("STOP", .confirm, .stop), ("STOP", .start, .stop),
            ("STOP", nil, .stop), ("START", nil, nil), ("START", .confirm, .confirm), ("START", .start, .start),
            ("row-7", .confirm, .confirm), ("row-7", .stop, .stop), ("row-7", .start, .start), ("row-7", nil, nil),
        ] as [(String, InboundCommand?, InboundCommand?)]
    )
    func whatEndsMessagesOutdoesTheRest(payload: String, title: InboundCommand?, command: InboundCommand?) {
        #expect(PressedCommand.read(payload, under: title) == command)
    }
}
