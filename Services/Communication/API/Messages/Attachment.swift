package import Contracts
package import Core

/// A file that goes with a message: uploaded before, or with what is in it.
package struct AttachmentDraft: Wire {
    package static let most = 10
    /// All files whose content stands in the request together, in bytes before base64; a request holds no more than a mebibyte.
    package static let mostBytes = 700 * 1_024
    /// All files of a message together, uploaded ones included.
    package static let mostBytesPerMessage = 20 << 20

    /// A file that was uploaded; it has a name and a type already.
    package var attachmentId: AttachmentID?
    /// As the recipient sees it; its ending fits the type.
    package var filename: String?
    package var contentType: String?
    /// In base64; larger files are uploaded.
    package var content: String?
    /// For an image inside the HTML part, which names it as `cid:` and this.
    package var contentId: String?

    package init(filename: String, contentType: String, content: String, contentId: String? = nil) {
        self.filename = filename
        self.contentType = contentType
        self.content = content
        self.contentId = contentId
    }

    package init(_ attachmentId: AttachmentID, contentId: String? = nil) {
        self.attachmentId = attachmentId
        self.contentId = contentId
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.filename, 1...120), .example(CodingKeys.filename, "invoice.pdf"),
            .length(CodingKeys.contentType, 3...100), .example(CodingKeys.contentType, "application/pdf"),
            .length(CodingKeys.content, 4...1_000_000), .length(CodingKeys.contentId, 1...60),
            .describe(
                CodingKeys.content,
                "In base64. All files that stand in a request have at most \(mostBytes) bytes together, before base64; larger ones are uploaded before and named by attachmentId."
            ),
        ]
    }
}

/// A file that went with a message, without what is in it.
package struct MessageAttachment: Wire, Hashable {
    package var filename: String
    package var contentType: String
    package var bytes: Int

    package init(filename: String, contentType: String, bytes: Int) {
        self.filename = filename
        self.contentType = contentType
        self.bytes = bytes
    }
}
