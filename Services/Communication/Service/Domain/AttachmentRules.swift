import CommunicationAPI
import Contracts
import Core
import FoundationEssentials

/// A file with what is in it.
struct Attachment: Sendable, Equatable {
    var file: AttachedFile
    var bytes: [UInt8]
}

/// What is kept of a file beside what is in it.
struct AttachedFile: Codable, Sendable, Hashable {
    var filename: String
    var contentType: String
    var contentID: String?
    var size: Int
}

/// Which files may go with a message: kinds that nothing runs, named as what they are, and not too large.
enum AttachmentRules {
    struct Kind: Sendable {
        let type: String
        let endings: [String]
        /// How every file of the kind begins; empty where any beginning will do.
        let beginnings: [[UInt8]]
    }

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
            beginnings: [[0x50, 0x4B, 0x03, 0x04]]
        ),
        Kind(
            type: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            endings: ["xlsx"],
            beginnings: [[0x50, 0x4B, 0x03, 0x04]]
        ),
    ]

    /// The files of a message; throws 422 with every fault, 413 when they are too large together.
    static func files(_ drafts: [AttachmentDraft]) throws(Problem) -> [Attachment] {
        var faults: [Problem.Fault] = []
        var files: [Attachment] = []
        for (place, draft) in drafts.enumerated() {
            let pointer = "/attachments/\(place)"
            let bytes = Data(base64Encoded: draft.content).map { Array($0) }
            faults += Self.faults(draft, bytes, at: pointer)
            if let id = draft.contentId, drafts[..<place].contains(where: { $0.contentId == id }) {
                faults.append(.init(pointer: "\(pointer)/contentId", "appears twice"))
            }
            let file = AttachedFile(
                filename: draft.filename,
                contentType: draft.contentType.lowercased(),
                contentID: draft.contentId,
                size: bytes?.count ?? 0
            )
            files.append(Attachment(file: file, bytes: bytes ?? []))
        }
        guard faults.isEmpty else { throw .invalid(faults) }
        guard files.reduce(0, { $0 + $1.bytes.count }) <= AttachmentDraft.mostBytes else {
            throw Problem(413, "attachments_too_large", "The files have more than \(AttachmentDraft.mostBytes) bytes.")
        }
        return files
    }

    private static func faults(_ draft: AttachmentDraft, _ bytes: [UInt8]?, at pointer: String) -> [Problem.Fault] {
        var faults: [Problem.Fault] = []
        if let wrong = complaint(aboutName: draft.filename) {
            faults.append(.init(pointer: "\(pointer)/filename", wrong))
        }
        if let id = draft.contentId, !isContentID(id) {
            faults.append(
                .init(pointer: "\(pointer)/contentId", "must be letters, digits, dots, hyphens and underscores")
            )
        }
        guard let kind = kinds.first(where: { $0.type == draft.contentType.lowercased() }) else {
            let known = kinds.map(\.type).joined(separator: ", ")
            return faults + [.init(pointer: "\(pointer)/contentType", "must be one of \(known)")]
        }
        let ending = draft.filename.split(separator: ".").last.map { $0.lowercased() } ?? ""
        if !kind.endings.contains(ending) {
            let endings = kind.endings.map { ".\($0)" }.joined(separator: " or ")
            faults.append(.init(pointer: "\(pointer)/filename", "must end with \(endings) to be \(kind.type)"))
        }
        if draft.contentId != nil, !kind.type.hasPrefix("image/") {
            faults.append(.init(pointer: "\(pointer)/contentId", "is for images"))
        }
        guard let bytes, !bytes.isEmpty else {
            return faults + [.init(pointer: "\(pointer)/content", "must be base64 of at least one byte")]
        }
        if !kind.beginnings.isEmpty, !kind.beginnings.contains(where: bytes.starts) {
            faults.append(.init(pointer: "\(pointer)/content", "is not \(kind.type)"))
        }
        return faults
    }

    /// What a name must not be that ends in a header and on somebody's disk.
    private static func complaint(aboutName name: String) -> String? {
        let isClean = name.unicodeScalars.allSatisfy { scalar in
            let category = scalar.properties.generalCategory
            return category != .control && category != .format && category != .lineSeparator
                && category != .paragraphSeparator
        }
        if !isClean { return "must not have control or invisible characters" }
        if name.contains(where: { #"/\:*?"<>|"#.contains($0) }) { return #"must not have any of / \ : * ? " < > |"# }
        if name.hasPrefix(".") || name.hasPrefix(" ") || name.hasSuffix(" ") {
            return "must not begin with a dot or space"
        }
        return nil
    }

    private static func isContentID(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                    || ".-_".utf8.contains($0)
            }
    }
}
