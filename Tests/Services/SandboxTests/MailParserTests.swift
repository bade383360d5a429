import Testing

@testable import Sandbox

@Suite struct MailParserTests {
    @Test func readsBothTextsOfAnAlternative() {
        let mail = MailParser(
            Array(
                """
                Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r
                 =?utf-8?q?_an_alle?= und mehr\r
                From: a@b.example\r
                Content-Type: multipart/alternative; boundary="sep"\r
                \r
                preamble\r
                --sep\r
                Content-Type: text/plain; charset=utf-8\r
                Content-Transfer-Encoding: quoted-printable\r
                \r
                Gr=C3=BC=C3=9Fe, soft=\r
                 break\r
                --sep\r
                Content-Type: text/html; charset=utf-8\r
                Content-Transfer-Encoding: base64\r
                \r
                PHA+SGk8\r
                L3A+\r
                --sep--\r
                trailer\r
                """.utf8
            )
        )
        #expect(mail.header("subject") == "Grüße an alle und mehr")
        #expect(mail.text == "Grüße, soft break")
        #expect(mail.html == "<p>Hi</p>")
    }

    @Test(arguments: [
        "", "no headers at all", "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x", ":\r\n\r\n",
        "Content-Type: multipart/mixed\r\n\r\nx", "Content-Transfer-Encoding: base64\r\n\r\n!!!",
        "Subject: =?UTF-8?B?###?=\r\n\r\n=", "\r\n\r\n\r\n",
    ]) func takesWhateverComes(_ text: String) {
        let mail = MailParser(Array(text.utf8))
        #expect(mail.headers.count <= 1)
    }

    @Test(
        arguments: [
            ("", []), ("dQ==", [117]), ("dXA=", [117, 112]), ("dXB2\r\ndQ==", [117, 112, 118, 117]),
        ] as [(String, [UInt8])]
    ) func base64(_ text: String, _ bytes: [UInt8]) {
        #expect(Base64Text.decode(text) == bytes)
    }

    @Test(arguments: ["d", "d=Q=", "dQ==d", "d?=="]) func brokenBase64(_ text: String) {
        #expect(Base64Text.decode(text) == nil)
    }

    @Test func readsForms() {
        let pairs = FormBody.parse(Array("a=1&metadata%5Bx%5D=%C3%BC+y&empty=&bare".utf8))
        let shown = pairs?.map { "\($0.name)|\($0.value)" }
        #expect(shown == ["a|1", "metadata[x]|ü y", "empty|", "bare|"])
        #expect(FormBody.parse(Array("a=%zz".utf8)) == nil)
        #expect(FormBody.parse(Array("a=%ff".utf8)) == nil)
    }
}
