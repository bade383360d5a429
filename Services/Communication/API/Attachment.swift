package import Contracts

/// A file that goes with an e-mail.
package struct AttachmentDraft: Wire {
    package static let most = 10
    /// All files of a message together, in bytes before base64; a request holds no more than a mebibyte.
    package static let mostBytes = 700 * 1_024

    /// As the recipient sees it; its ending fits the type.
    package var filename: String
    package var contentType: String
    /// In base64.
    package var content: String
    /// For an image inside the HTML part, which names it as `cid:` and this.
    package var contentId: String?

    package init(filename: String, contentType: String, content: String, contentId: String? = nil) {
        self.filename = filename
        self.contentType = contentType
        self.content = content
        self.contentId = contentId
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.filename, 1...120), .example(CodingKeys.filename, "invoice.pdf"),
            .length(CodingKeys.contentType, 3...100), .example(CodingKeys.contentType, "application/pdf"),
            .length(CodingKeys.content, 4...1_000_000), .length(CodingKeys.contentId, 1...60),
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
