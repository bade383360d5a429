import CommunicationAPI
import Contracts
import Core

/// How long uploads are kept, and how much of them a clinic may have.
enum UploadRules {
    /// For a whole file that no message has: until then one has to name it.
    static let lifetime: Duration = .seconds(24 * 3_600)
    /// For one that is not whole; the slowest client that is let in is done by then.
    static let patience: Duration = .seconds(3_600)

    /// Throws 422 when a file is not what its name and type say.
    ///
    /// - Parameter beginning: the first piece of it.
    static func check(_ file: AttachedFile, beginning: [UInt8]) throws(Problem) {
        let wrong = AttachmentRules.faults(inNameOf: file)
        guard wrong.isEmpty else {
            throw .invalid(wrong.map { Problem.Fault(parameter: String($0.member.dropFirst()), $0.detail) })
        }
        guard !beginning.isEmpty else { throw .invalid("", "must have at least one byte") }
        if AttachmentRules.kind(of: file)?.admits(beginning) != true {
            throw .invalid("", "is not \(file.contentType)")
        }
    }

    /// Throws 413 or 409 when there is no room for a further piece.
    ///
    /// - Parameters:
    ///   - size: bytes of the file, this piece included.
    ///   - unused: bytes of all of the clinic's files that no message has, this piece included.
    static func checkRoom(size: Int, unused: Int) throws(Problem) {
        guard size <= AttachmentUpload.mostBytes else {
            throw Problem(413, "too_large", "The body may have at most \(AttachmentUpload.mostBytes) bytes.")
        }
        guard unused <= AttachmentUpload.mostUnusedBytes else {
            let most = AttachmentUpload.mostUnusedBytes
            throw .conflict(
                "uploads_full",
                "The clinic's uploads that no message has would have more than \(most) bytes."
            )
        }
    }

    /// Throws 422 when what arrived is not what was sent.
    static func checkDigest(_ wanted: String?, _ found: [UInt8]) throws(Problem) {
        guard let wanted, wanted.lowercased() != found.hex else { return }
        throw Problem(422, "digest_mismatch", "The file that arrived has another SHA-256.")
    }
}
