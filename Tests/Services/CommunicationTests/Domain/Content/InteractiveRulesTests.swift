import CommunicationAPI
import Contracts
import Core
import Testing

@testable import Communication

@Suite struct InteractiveRulesTests {
    private static let yes = InteractiveButton(id: "yes", title: "Yes")
    private static let no = InteractiveButton(id: "no", title: "No")
    private static func rows(_ count: Int) -> [InteractiveRow] {
        (0..<count).map { InteractiveRow(id: "r\($0)", title: "Row \($0)") }
    }
    private static func list(_ sections: [InteractiveSection], button: String? = "Choose") -> InteractiveContent {
        InteractiveContent(type: .list, button: button, sections: sections)
    }

    @Test(
        arguments: [
            (InteractiveContent(type: .buttons, buttons: [yes, no]), []),
            (list([InteractiveSection(rows: rows(10))]), []),
            (list([.init(title: "A", rows: rows(1)), .init(title: "B", rows: [.init(id: "x", title: "X")])]), []),
            (InteractiveContent(type: .buttons), ["/buttons"]),
            (InteractiveContent(type: .buttons, buttons: [yes, yes]), ["/buttons/1"]),
            (InteractiveContent(type: .buttons, buttons: [yes, .init(id: "y", title: "Yes")]), ["/buttons/1"]),
            (InteractiveContent(type: .buttons, buttons: [.init(id: "y", title: "a\nb")]), ["/buttons/0/title"]),
            (InteractiveContent(type: .buttons, buttons: [.init(id: "y", title: "  ")]), ["/buttons/0/title"]),
            (InteractiveContent(type: .buttons, buttons: [yes], button: "b", sections: []), ["/button", "/sections"]),
            (InteractiveContent(type: .list, buttons: [yes]), ["/buttons", "/button", "/sections"]),
            (
                list([.init(title: "A", rows: rows(1)), .init(rows: [.init(id: "x", title: "X")])]),
                ["/sections/1/title"]
            ),
            (list([.init(title: "A", rows: rows(6)), .init(title: "B", rows: rows(5))]), ["/sections", "/sections"]),
            (list([.init(rows: rows(1))], button: "a\tb"), ["/button"]),
        ] as [(InteractiveContent, [String])]
    ) func whatWhatsAppTakes(_ content: InteractiveContent, wrong: [String]) {
        #expect(InteractiveRules.faults(content).map(\.pointer) == wrong.map { "/content/interactive\($0)" })
    }

    @Test(
        arguments: [
            (#"{"type":"buttons","buttons":[{"id":"a","title":"123456789012345678901"}]}"#, false),
            (#"{"type":"buttons","buttons":[{"id":"a","title":"12345678901234567890"}]}"#, true),
            (#"{"type":"buttons","buttons":[]}"#, false), (#"{"type":"carousel"}"#, false),
        ]
    ) func lengthsAreTheSchemas(json: String, isRight: Bool) throws {
        let faults = try Schema.of(InteractiveContent.self).violations(in: JSONTape(Array(json.utf8)))
        #expect(faults.isEmpty == isRight)
    }

    @Test func filesGoAsWhatTheyAre() {
        func file(_ type: String, _ size: Int = 1) -> AttachedFile {
            AttachedFile(filename: "f", contentType: type, size: size)
        }
        func kind(_ type: String, _ size: Int = 1, _ bytes: [UInt8] = []) -> WhatsAppMedia.Kind {
            WhatsAppMedia.kind(of: Attachment(file: file(type, size), bytes: bytes))
        }
        #expect(kind("image/jpeg") == .image)
        #expect(kind("image/png", WhatsAppMedia.largestImage + 1) == .document)
        #expect(kind("image/gif") == .document)
        #expect(kind("video/mp4") == .video)
        for type in ["audio/aac", "audio/amr", "audio/mpeg", "audio/mp4"] {
            #expect(kind(type) == .audio && kind(type, WhatsAppMedia.largestSound + 1) == .document)
        }
        // Of Ogg only what holds Opus is played.
        let opus = Array("OggS".utf8) + [UInt8](repeating: 0, count: 24) + Array("OpusHead".utf8)
        #expect(kind("audio/ogg", 36, opus) == .audio && kind("audio/ogg", 4, Array("OggS".utf8)) == .document)
        let text = RenderedContent(text: String(repeating: "a", count: WhatsAppMedia.longestCaption))
        let long = RenderedContent(text: text.text + "a")
        let list = RenderedContent(text: "a", interactive: Self.list([.init(rows: Self.rows(1))]))
        let pdf = file("application/pdf")
        #expect(WhatsAppMedia.fault([pdf], with: text) == nil && WhatsAppMedia.fault([], with: long) == nil)
        #expect(WhatsAppMedia.fault([pdf, pdf], with: text) != nil && WhatsAppMedia.fault([pdf], with: long) != nil)
        #expect(WhatsAppMedia.fault([pdf], with: list) != nil)
    }
}
