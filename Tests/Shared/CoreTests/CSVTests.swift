import Core
import Testing

@Suite struct CSVTests {
    private func read(_ text: String) throws -> [[String]] { try CSV.rows(Array(text.utf8)).map(\.cells) }

    @Test(
        arguments: [
            ["a", "b"], ["", ""], ["with, comma", "with \"quotes\"", "two\nlines", "cr\r\nlf"],
            ["=1+1", "'=1+1", "-x", "@y"],
            ["+491701234567", "+a", "'O'Brien", "'"], ["größer", "数"],
        ] as [[String]]
    )
    func whatIsWrittenIsReadAgain(_ cells: [String]) throws {
        #expect(try CSV.rows(CSV.line(cells)).map(\.cells) == [cells])
    }

    @Test func noCellIsAFormula() {
        #expect(
            String(decoding: CSV.line(["=1", "+1+1", "-1", "@a", "+491701234567"]), as: UTF8.self)
                == "'=1,'+1+1,'-1,'@a,+491701234567\r\n"
        )
    }

    @Test func whatOthersWriteIsRead() throws {
        #expect(try read("\u{FEFF}a,b\n\n1,\"2\"\n") == [["a", "b"], ["1", "2"]])
        #expect(try read("a,b\r\n1,") == [["a", "b"], ["1", ""]])
        #expect(try read("") == [])
        #expect(try read("\"a\"\"b\",c\n") == [["a\"b", "c"]])
    }

    @Test func rowsKnowTheirLine() throws {
        let rows = try CSV.rows(Array("a\n\n\"two\nlines\",x\nlast".utf8))
        #expect(rows.map(\.line) == [1, 3, 5])
    }

    @Test func noMoreRowsAreReadThanAskedFor() throws {
        let text = Array("a\n\nb\nc\n\"open".utf8)
        #expect(try CSV.rows(text, atMost: 2).map(\.cells) == [["a"], ["b"]])
        #expect(throws: CSV.Fault.self) { try CSV.rows(text, atMost: 4) }
        #expect(try CSV.rows(Array("a\nb".utf8), atMost: 2).map(\.cells) == [["a"], ["b"]])
    }

    @Test(arguments: [("a\n\"b", 2), ("a\n\"b\"c", 2)] as [(String, Int)])
    func whatCannotBeReadIsNamed(_ text: String, _ line: Int) {
        let fault = #expect(throws: CSV.Fault.self) { try CSV.rows(Array(text.utf8)) }
        #expect(fault?.line == line)
    }

    @Test func textIsUTF8() {
        #expect(throws: CSV.Fault.self) { try CSV.rows([0x61, 0xFF]) }
    }
}
