import Core
import Testing

@testable import AuditLog

/// Cosignatures made by a witness of others are the vectors.
@Suite struct CosignerKeyTests {
    private let text = Checkpoint(origin: "audit.example/clinic", size: 3, root: .leaf([1])).text
    private let line =
        "— witness.example/w1 JLXZ/gAAAABpUkfAGRO1CN8PZhxAaG+XvHLkVb1Y3o2IierUli0tCGk6V/rwOHifnk8rn/rbhEmYtrJBiKwOteBTMMlOLHU4MdayCw==\n"
    private let keyText = "witness.example/w1+24b5d9fe+BP0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY"

    @Test func anothersCosignatureVerifies() throws {
        let key = try #require(CosignerKey(keyText))
        #expect(key.description == keyText && key.name == "witness.example/w1")
        let cosigned = try #require(try SignedNote(text + "\n" + line).cosignature(by: key))
        #expect(cosigned.at == Instant(seconds: 1_767_000_000))
        #expect(cosigned.line == line)
    }

    @Test func whatIsNotTheWitnesssIsRefusedOrPassedOver() throws {
        let key = try #require(CosignerKey(keyText))
        let other = text.replacing("\n3\n", with: "\n4\n")
        #expect(throws: NoteError(.badSignature)) { try SignedNote(other + "\n" + line).cosignature(by: key) }
        let stranger = try #require(CosignerKey(name: "witness.example/w2", publicKey: key.publicKey))
        #expect(try SignedNote(text + "\n" + line).cosignature(by: stranger) == nil)
        let short = SignedNote(
            text: text,
            signatures: [.init(name: key.name, keyID: key.keyID, signature: [UInt8](repeating: 0, count: 71))]
        )
        #expect(throws: NoteError(.badSignature)) { try short.cosignature(by: key) }
    }

    @Test func neitherKindOfKeyPassesForTheOther() throws {
        let key = try #require(CosignerKey(keyText))
        #expect(VerifierKey(keyText) == nil)
        let log = try #require(VerifierKey(name: key.name, publicKey: key.publicKey))
        #expect(CosignerKey(log.description) == nil)
        #expect(log.keyID != key.keyID)
        // A witness's word is no signature of the log.
        #expect(throws: NoteError(.unverified)) { try SignedNote(text + "\n" + line).verified(by: [log]) }
    }

    @Test func aRequestSurvivesItsText() throws {
        let note = text + "\n" + line
        let request = AddCheckpoint(oldSize: 2, proof: [.leaf([1]), .leaf([2])], checkpoint: note)
        #expect(try AddCheckpoint(request.text) == request)
        let first = AddCheckpoint(oldSize: 0, proof: [], checkpoint: note)
        #expect(first.text == "old 0\n\n" + note)
        #expect(try AddCheckpoint(first.text) == first)
        let long = AddCheckpoint(oldSize: 1, proof: [TreeHash](repeating: .empty, count: 64), checkpoint: note)
        for wrong in [
            "", "old 1", "old 01\n\n\(note)", "old -1\n\n\(note)", "new 1\n\n\(note)", "old 1\nAAAA\n\n\(note)",
            long.text,
        ] {
            #expect(throws: NoteError(.malformed)) { try AddCheckpoint(wrong) }
        }
    }
}
