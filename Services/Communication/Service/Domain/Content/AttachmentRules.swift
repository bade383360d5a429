import CommunicationAPI
import Contracts
import Core
import FoundationEssentials

/// A file with what is in it.
struct Attachment: Sendable, Equatable {
    var file: AttachedFile
    /// Empty for an uploaded file that is only named.
    var bytes: [UInt8]
}

/// What is kept of a file beside what is in it.
struct AttachedFile: Codable, Sendable, Hashable {
    var filename: String
    var contentType: String
    var contentID: String?
    var size: Int
    /// Where its bytes are, of a file that was uploaded.
    var upload: AttachmentID?
}

/// Which files may go with a message: kinds that nothing runs, named as what they are, and not too large.
enum AttachmentRules {
    struct Kind: Sendable {
        let type: String
        let endings: [String]
        /// What every file of the kind has at `offset`; empty where anything will do.
        let beginnings: [[UInt8]]
        var offset = 0

        /// Whether a file that begins so can be of the kind.
        func admits(_ bytes: [UInt8]) -> Bool {
            beginnings.isEmpty || beginnings.contains { bytes.dropFirst(offset).starts(with: $0) }
        }
    }

    private static let zip: [[UInt8]] = [[0x50, 0x4B, 0x03, 0x04]]
    private static let mpeg4 = [Array("ftyp".utf8)]

    static let kinds: [Kind] = [
        Kind(type: "application/pdf", endings: ["pdf"], beginnings: [Array("%PDF-".utf8)]),
        Kind(type: "image/png", endings: ["png"], beginnings: [[0x89, 0x50, 0x4E, 0x47]]),
        Kind(type: "image/jpeg", endings: ["jpg", "jpeg"], beginnings: [[0xFF, 0xD8, 0xFF]]),
        Kind(type: "image/gif", endings: ["gif"], beginnings: [Array("GIF8".utf8)]),
        Kind(type: "image/webp", endings: ["webp"], beginnings: [Array("RIFF".utf8)]),
        Kind(type: "text/plain", endings: ["txt"], beginnings: []),
        Kind(type: "text/csv", endings: ["csv"], beginnings: []),
        Kind(type: "text/calendar", endings: ["ics"], beginnings: [Array("BEGIN:VCALENDAR".utf8)]),
        Kind(
            type: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            endings: ["docx"],
            beginnings: zip
        ),
        Kind(
            type: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            endings: ["xlsx"],
            beginnings: zip
        ),
        // With a tag before it, or a frame of layer III at once.
        Kind(
            type: "audio/mpeg",
            endings: ["mp3"],
            beginnings: [Array("ID3".utf8), [0xFF, 0xFB], [0xFF, 0xFA], [0xFF, 0xF3], [0xFF, 0xF2]]
        ),
        Kind(type: "audio/mp4", endings: ["m4a"], beginnings: mpeg4, offset: 4),
        Kind(type: "audio/ogg", endings: ["ogg", "opus"], beginnings: [Array("OggS".utf8)]),
        // ADTS, of MPEG-4 and of MPEG-2.
        Kind(type: "audio/aac", endings: ["aac"], beginnings: [[0xFF, 0xF1], [0xFF, 0xF9]]),
        Kind(type: "audio/amr", endings: ["amr"], beginnings: [Array("#!AMR".utf8)]),
        Kind(type: "video/mp4", endings: ["mp4"], beginnings: mpeg4, offset: 4),
        Kind(type: "video/3gpp", endings: ["3gp"], beginnings: mpeg4, offset: 4),
    ]

    /// The files of a message; throws 422 with every fault, 413 when they are too large together.
    ///
    /// - Parameter uploads: those that the clinic has, among the uploads named.
    static func files(
        _ drafts: [AttachmentDraft],
        uploads: [AttachmentID: AttachedFile] = [:]
    ) throws(Problem) -> [Attachment] {
        var faults: [Problem.Fault] = []
        var files: [Attachment] = []
        for (place, draft) in drafts.enumerated() {
            let pointer = "/attachments/\(place)"
            if let id = draft.contentId {
                if !isContentID(id) {
                    let detail = "must be letters, digits, dots, hyphens and underscores"
                    faults.append(.init(pointer: "\(pointer)/contentId", detail))
                }
                if drafts[..<place].contains(where: { $0.contentId == id }) {
                    faults.append(.init(pointer: "\(pointer)/contentId", "appears twice"))
                }
            }
            let (file, wrong) = draft.attachmentId.map { named($0, draft, uploads) } ?? included(draft)
            faults += wrong.map { .init(pointer: pointer + $0.member, $0.detail) }
            if draft.contentId != nil, let type = file?.file.contentType, !type.hasPrefix("image/") {
                faults.append(.init(pointer: "\(pointer)/contentId", "is for images"))
            }
            if let file { files.append(file) }
        }
        guard faults.isEmpty else { throw .invalid(faults) }
        try checkSizes(files)
        return files
    }

    private typealias Fault = (member: String, detail: String)

    private static func checkSizes(_ files: [Attachment]) throws(Problem) {
        guard files.reduce(0, { $0 + $1.bytes.count }) <= AttachmentDraft.mostBytes else {
            throw tooLarge("The files in the request", AttachmentDraft.mostBytes)
        }
        guard files.reduce(0, { $0 + $1.file.size }) <= AttachmentDraft.mostBytesPerMessage else {
            throw tooLarge("The files", AttachmentDraft.mostBytesPerMessage)
        }
    }

    /// Files that are too large together, for a message or for who is to carry it.
    static func tooLarge(_ what: String, _ most: Int) -> Problem {
        Problem(413, "attachments_too_large", "\(what) have more than \(most) bytes.")
    }

    /// A file that was uploaded before.
    private static func named(
        _ id: AttachmentID,
        _ draft: AttachmentDraft,
        _ uploads: [AttachmentID: AttachedFile]
    ) -> (Attachment?, [Fault]) {
        var faults: [Fault] = []
        for (member, value) in [
            ("filename", draft.filename), ("contentType", draft.contentType), ("content", draft.content),
        ] where value != nil {
            faults.append(("/\(member)", "must be absent with attachmentId"))
        }
        guard var file = uploads[id] else {
            return (nil, faults + [("/attachmentId", "is not an upload of the clinic that can be used")])
        }
        file.contentID = draft.contentId
        return (Attachment(file: file, bytes: []), faults)
    }

    /// A file that stands in the request.
    private static func included(_ draft: AttachmentDraft) -> (Attachment?, [Fault]) {
        guard let name = draft.filename, let type = draft.contentType, let content = draft.content else {
            return (nil, [("", "must have an attachmentId, or filename, contentType and content")])
        }
        let file = AttachedFile(filename: name, contentType: type.lowercased(), contentID: draft.contentId, size: 0)
        var faults = Self.faults(inNameOf: file)
        guard let kind = kind(of: file) else { return (Attachment(file: file, bytes: []), faults) }
        guard let bytes = Data(base64Encoded: content).map({ Array($0) }), !bytes.isEmpty else {
            return (nil, faults + [("/content", "must be base64 of at least one byte")])
        }
        if !kind.admits(bytes) { faults.append(("/content", "is not \(kind.type)")) }
        var whole = Attachment(file: file, bytes: bytes)
        whole.file.size = bytes.count
        return (whole, faults)
    }

    static func kind(of file: AttachedFile) -> Kind? { kinds.first { $0.type == file.contentType } }

    /// What is wrong with a file's name and type, by member.
    static func faults(inNameOf file: AttachedFile) -> [(member: String, detail: String)] {
        var faults: [Fault] = []
        if let wrong = complaint(aboutName: file.filename) { faults.append(("/filename", wrong)) }
        guard let kind = kind(of: file) else {
            return faults + [("/contentType", "must be one of \(kinds.map(\.type).joined(separator: ", "))")]
        }
        let ending = file.filename.split(separator: ".").last.map { $0.lowercased() } ?? ""
        if !kind.endings.contains(ending) {
            let endings = kind.endings.map { ".\($0)" }.joined(separator: " or ")
            faults.append(("/filename", "must end with \(endings) to be \(kind.type)"))
        }
        return faults
    }

    /// What a name must not be that ends in a header and on somebody's disk.
    private static func complaint(aboutName name: String) -> String? {
        if name.unicodeScalars.contains(where: isInvisible) { return "must not have control or invisible characters" }
        if name.contains(where: { #"/\:*?"<>|"#.contains($0) }) { return #"must not have any of / \ : * ? " < > |"# }
        if name.hasPrefix(".") || name.hasPrefix(" ") || name.hasSuffix(" ") {
            return "must not begin with a dot or space"
        }
        return nil
    }

    /// Whether nobody sees it, or it makes the rest of a name read otherwise.
    static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    private static func isContentID(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                $0.isLetterOrDigit || ".-_".utf8.contains($0)
            }
    }
}
