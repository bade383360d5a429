import AuditLog
import Contracts
import Core
import Crypto
import FoundationEssentials
import Synchronization

/// A witness of transparency logs (c2sp.org/tlog-witness): `POST /add-checkpoint`; `GET /key` says how to verify it.
///
/// What it saw last of every log is forgotten when it ends, which a real one never does.
final class Witness: SandboxProvider {
    static let keyName = "sandbox.example/witness"

    let name = "witness"
    private let signer: Curve25519.Signing.PrivateKey
    private let logs: [(origin: String, key: VerifierKey)]
    /// The newest checkpoint that was cosigned, by origin.
    private let seen = Mutex<[String: Checkpoint]>([:])

    init(seed: [UInt8]?, logs: [(origin: String, key: VerifierKey)]) {
        signer = seed.flatMap { try? Curve25519.Signing.PrivateKey(rawRepresentation: $0) } ?? .init()
        self.logs = logs
    }

    var key: CosignerKey? { CosignerKey(name: Self.keyName, publicKey: [UInt8](signer.publicKey.rawRepresentation)) }

    func answer(_ request: SandboxRequest, path: String) async -> SandboxReply {
        switch (request.method, path) {
        case ("GET", "/key"): Self.text(200, key.map { "\($0)\n" } ?? "")
        case ("POST", "/add-checkpoint"): add(String(decoding: request.body, as: UTF8.self), at: .now())
        default: Self.text(404, "There is nothing here.\n")
        }
    }

    func failure(_ status: Int) -> SandboxReply { Self.text(status, "The witness is not well.\n") }

    private func add(_ body: String, at now: Instant) -> SandboxReply {
        guard let asked = try? AddCheckpoint(body), let note = try? SignedNote(asked.checkpoint),
            let checkpoint = try? Checkpoint(text: note.text)
        else { return Self.text(400, "The request is not an add-checkpoint.\n") }
        let keys = logs.filter { checkpoint.origin.hasPrefix($0.origin) }.map(\.key)
        if keys.isEmpty { return Self.text(404, "The log is not known.\n") }
        guard (try? note.verified(by: keys)) != nil else { return Self.text(403, "The log's signature is missing.\n") }
        guard asked.oldSize <= checkpoint.size else { return Self.text(400, "The old size is greater.\n") }
        // Held against what was seen and put in its place at once: between the two another could take its turn.
        return seen.withLock { seen in
            let last = seen[checkpoint.origin] ?? Checkpoint(origin: checkpoint.origin, size: 0, root: .empty)
            guard asked.oldSize == last.size else { return Self.conflict(last.size) }
            if last.size == checkpoint.size, last.root != checkpoint.root { return Self.conflict(last.size) }
            let leadsOn = ProofVerifier.verifyConsistency(
                old: last.size,
                oldRoot: last.root,
                new: checkpoint.size,
                newRoot: checkpoint.root,
                proof: asked.proof
            )
            guard leadsOn else { return Self.text(422, "The log does not lead on from what was seen of it.\n") }
            guard let line = cosign(note.text, at: now) else { return failure(500) }
            seen[checkpoint.origin] = checkpoint
            return Self.text(200, line)
        }
    }

    private func cosign(_ text: String, at now: Instant) -> String? {
        let seconds = UInt64(max(0, now.microseconds / 1_000_000))
        let message = CosignerKey.message(text, at: seconds)
        guard let key, let signature = try? signer.signature(for: message) else { return nil }
        let time = (0..<8).map { UInt8(truncatingIfNeeded: seconds >> UInt64(56 - 8 * $0)) }
        return "— \(key.name) \(Data(key.idBytes + time + signature).base64EncodedString())\n"
    }

    private static func conflict(_ size: Int64) -> SandboxReply {
        SandboxReply(409, headers: [("Content-Type", AddCheckpoint.sizeMedia)], body: Array("\(size)\n".utf8))
    }

    private static func text(_ status: Int, _ text: String) -> SandboxReply {
        SandboxReply(status, headers: [("Content-Type", "text/plain; charset=utf-8")], body: Array(text.utf8))
    }
}
