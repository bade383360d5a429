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
}
