import Core
import Testing
import Vault

@testable import ServiceHost

@Suite struct CursorSealTests {
    let cursors: CursorSeal
    let clinic = ClinicID()

    init() throws { cursors = CursorSeal(try BlindIndex(KeyFile.generate(), service: .billing)) }

    @Test(arguments: [[], ["a"], ["2026-01-01T00:00:00Z", "0190"], [""], ["ä", "日本"]]) func roundTrip(
        _ position: [String]
    ) throws {
        let cursor = cursors.seal(position, list: "invoices", clinic: clinic)
        #expect(try cursors.open(cursor, list: "invoices", clinic: clinic) == (position.isEmpty ? [""] : position))
    }

    @Test func boundToClinicAndList() {
        let cursor = cursors.seal(["a"], list: "invoices?status=open", clinic: clinic)
        #expect(throws: Problem.self) { try cursors.open(cursor, list: "invoices", clinic: clinic) }
        #expect(throws: Problem.self) { try cursors.open(cursor, list: "invoices?status=open", clinic: ClinicID()) }
    }

    @Test(arguments: ["", "!", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"]) func nonsenseIsRefused(_ cursor: String) {
        #expect(throws: Problem.self) { try cursors.open(cursor, list: "invoices", clinic: clinic) }
    }
}
