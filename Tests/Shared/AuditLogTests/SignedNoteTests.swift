import Core
import Testing

@testable import AuditLog

@Suite("Signed notes")
struct SignedNoteTests {
    /// The example of c2sp.org/signed-note.
    private let example = """
        This is an example message.

        — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=

        """

    private func signer(_ name: String, _ byte: UInt8 = 7) throws -> NoteSigner {
        try #require(NoteSigner(name: name, seed: [UInt8](repeating: byte, count: 32)))
    }

    @Test func `what is signed verifies, survives its text, and fails when changed`() throws {
        let signer = try signer("audit.example/clinic")
        let checkpoint = Checkpoint(origin: "audit.example/clinic", size: 3, root: .leaf([1]))
        let note = try checkpoint.signed(by: signer)
        #expect(try Checkpoint(note: note, keys: [signer.verifierKey]) == checkpoint)
        #expect(try SignedNote(note).encoded == note)
        let forged = note.replacing("\n3\n", with: "\n4\n")
        #expect(throws: NoteError(.badSignature)) { try Checkpoint(note: forged, keys: [signer.verifierKey]) }
    }

    @Test func `unknown signatures are passed over, none known is refused`() throws {
        let (one, two, three) = (try signer("one"), try signer("two", 8), try signer("three", 9))
        let text = "text\n"
        let notes = [try one.sign(text), try two.sign(text)]
        let both = SignedNote(text: text, signatures: notes.flatMap(\.signatures))
        #expect(try SignedNote(both.encoded).verified(by: [two.verifierKey]) == [two.verifierKey])
        #expect(try both.verified(by: [one.verifierKey, two.verifierKey]).count == 2)
        #expect(throws: NoteError(.unverified)) { try both.verified(by: [three.verifierKey]) }
        #expect(throws: NoteError(.unverified)) { try both.verified(by: []) }
    }

    @Test func `a verifier key survives its text and refuses another's hash`() throws {
        let key = try signer("audit.example/clinic").verifierKey
        #expect(VerifierKey(key.description) == key)
        #expect(VerifierKey(key.description.replacing("audit", with: "oudit")) == nil)
        #expect(VerifierKey("a b+00000000+AQ==") == nil && VerifierKey("nonsense") == nil)
    }

    @Test func `the example of the specification`() throws {
        let note = try SignedNote(example)
        #expect(note.text == "This is an example message.\n")
        #expect(note.encoded == example)
        let key = try #require(VerifierKey("example.com/foo+530d903a+\(Self.exampleKey)"))
        #expect(withBigEndianBytes(key.keyID).hex == "530d903a")
        #expect(try note.verified(by: [key]) == [key])
        #expect(throws: NoteError(.badSignature)) {
            try SignedNote(example.replacing("example message", with: "Example message")).verified(by: [key])
        }
    }

    private static let exampleKey = "AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"

    @Test(arguments: [
        "", "text", "text\n", "text\n\n", "text\n\n— name\n", "text\n\n— name AAAA\n", "text\n\n- name AAAAAAA=\n",
        "text\n\n— na+me AAAAAAA=\n", "text\n\n— name AAAAAAA=", "te\u{1}xt\n\n— name AAAAAAA=\n",
    ])
    func `what is no note is refused`(text: String) {
        #expect(throws: NoteError(.malformed)) { try SignedNote(text) }
    }

    @Test(arguments: [
        "origin\n3\n", "origin\n03\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "origin\n-1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", "origin\n3\nAAAA\n",
        "origin\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n",
        "origin\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ])
    func `what is no checkpoint is refused`(text: String) {
        #expect(throws: NoteError(.malformed)) { try Checkpoint(text: text) }
    }
}
