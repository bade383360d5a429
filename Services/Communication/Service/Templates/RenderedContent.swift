import CommunicationAPI

/// What a message says on one channel, its places filled in.
struct RenderedContent: Codable, Sendable, Hashable {
    /// The subject of an e-mail, the title of a push notice.
    var subject: String?
    var text: String
    var html: String?
    /// What WhatsApp has approved to be said instead.
    var approved: ApprovedTemplate?
    /// The same as Twilio knows it, where that is another.
    var approvedByTwilio: ApprovedTemplate?
    /// What WhatsApp offers to press.
    var interactive: InteractiveContent?
    /// Which of the texts registered for India it is; `nil` for whichever it matches.
    var dltTemplate: String?

    init(
        subject: String? = nil,
        text: String,
        html: String? = nil,
        approved: ApprovedTemplate? = nil,
        approvedByTwilio: ApprovedTemplate? = nil,
        interactive: InteractiveContent? = nil,
        dltTemplate: String? = nil
    ) {
        self.subject = subject
        self.text = text
        self.html = html
        self.approved = approved
        self.approvedByTwilio = approvedByTwilio
        self.interactive = interactive
        self.dltTemplate = dltTemplate
    }
}
