package import Contracts
package import Core

/// A file on its way into the suite, for messages that will name it.
package struct AttachmentUpload: Wire {
    /// In bytes.
    package static let mostBytes = 10 << 20
    /// All files of a clinic that no message has so far, in bytes.
    package static let mostUnusedBytes = 200 << 20
    /// Kinds that nothing runs.
    package static let contentTypes = [
        "application/pdf", "image/png", "image/jpeg", "image/gif", "image/webp", "text/plain", "text/csv",
        "text/calendar", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "audio/mpeg", "audio/mp4", "audio/ogg",
        "audio/aac", "audio/amr", "video/mp4", "video/3gpp",
    ]

    /// As the recipient sees it; its ending fits the type.
    package var filename: String
    /// Of the file, in hexadecimal digits; one that arrives otherwise is refused.
    package var sha256: String?
    package var body: RawBody

    package init(filename: String, sha256: String? = nil, body: RawBody) {
        self.filename = filename
        self.sha256 = sha256
        self.body = body
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.filename, 1...120), .example(CodingKeys.filename, "letter.pdf"),
            .length(CodingKeys.sha256, 64...64),
        ]
    }
}

/// A file that messages may name.
package struct UploadedAttachment: Wire, Hashable {
    package var id: AttachmentID
    package var filename: String
    package var contentType: String
    /// In bytes.
    package var size: Int
    package var sha256: String
    /// Until a message has to name it; one that a message has is kept with the message.
    package var expiresAt: Instant

    package init(
        id: AttachmentID,
        filename: String,
        contentType: String,
        size: Int,
        sha256: String,
        expiresAt: Instant
    ) {
        self.id = id
        self.filename = filename
        self.contentType = contentType
        self.size = size
        self.sha256 = sha256
        self.expiresAt = expiresAt
    }
}

/// Files for messages.
package struct AttachmentEndpoints: Sendable {
    package let upload = Endpoint(
        "communication.attachments.upload",
        .POST,
        "/communication/attachments",
        service: .communication,
        guard: .permission(CommunicationPermissions.send),
        takes: AttachmentUpload.self,
        gives: UploadedAttachment.self,
        status: 201,
        audit: .change,
        body: .streamed(maxBytes: AttachmentUpload.mostBytes, media: AttachmentUpload.contentTypes),
        resource: "attachments",
        errors: [
            ErrorCode(400, "body_incomplete"), ErrorCode(409, "uploads_full"), ErrorCode(409, "upload_interrupted"),
            ErrorCode(422, "digest_mismatch"),
        ],
        summary: "Upload a file of up to 10 MiB for messages; it is kept for a day, or with the message that names it"
    )

    package init() {}

    package var all: [any EndpointDescription] { [upload] }
}
