/// What a message says on one channel, its places filled in.
struct RenderedContent: Codable, Sendable, Hashable {
    /// The subject of an e-mail, the title of a push notice.
    var subject: String?
    var text: String
    var html: String?
    /// What WhatsApp has approved to be said instead.
    var approved: ApprovedTemplate?

    init(subject: String? = nil, text: String, html: String? = nil, approved: ApprovedTemplate? = nil) {
        self.subject = subject
        self.text = text
        self.html = html
        self.approved = approved
    }
}
