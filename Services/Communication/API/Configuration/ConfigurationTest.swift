package import Contracts
package import Core

/// Providers to be tried without being stored; masked secrets stand for the stored ones of the entry with that `id`.
///
/// What a configuration has beside them may be sent too and is ignored.
package struct CandidateConfiguration: Wire {
    package var email: ChannelDraft?
    package var sms: ChannelDraft?
    package var whatsapp: ChannelDraft?
    package var push: ChannelDraft?
    package var settings: CommunicationSettings?
    package var version: Int64?
    package var updatedAt: Instant?
    package var updatedBy: String?

    package init(
        email: ChannelDraft? = nil,
        sms: ChannelDraft? = nil,
        whatsapp: ChannelDraft? = nil,
        push: ChannelDraft? = nil
    ) {
        self.email = email
        self.sms = sms
        self.whatsapp = whatsapp
        self.push = push
    }

    package static var limits: [Limit] { [.length(CodingKeys.updatedBy, 1...200)] }
}

/// Who gets the test message.
package struct TestRecipient: Wire {
    package var email: EmailAddress?
    package var phone: PhoneNumber?
    package var pushToken: String?

    package init(email: EmailAddress? = nil, phone: PhoneNumber? = nil, pushToken: String? = nil) {
        self.email = email
        self.phone = phone
        self.pushToken = pushToken
    }

    package static var limits: [Limit] { [.length(CodingKeys.pushToken, RecipientDraft.pushTokenLengths)] }
}

/// What of a clinic's configuration is to be tried: all that is in force unless said otherwise.
package struct ConfigurationTest: Wire {
    package var clinicId: ClinicID
    /// This channel's providers alone.
    package var channel: MessageChannel?
    /// This provider of the configuration in force alone.
    package var entryId: ProviderEntryID?
    /// Tried instead of what is in force.
    package var config: CandidateConfiguration?
    /// Gets a test message through each provider of a channel that it has an address for; without it nothing is sent.
    package var to: TestRecipient?

    package init(
        clinicId: ClinicID,
        channel: MessageChannel? = nil,
        entryId: ProviderEntryID? = nil,
        config: CandidateConfiguration? = nil,
        to: TestRecipient? = nil
    ) {
        self.clinicId = clinicId
        self.channel = channel
        self.entryId = entryId
        self.config = config
        self.to = to
    }

    package static var limits: [Limit] {
        [
            .describe(
                CodingKeys.to,
                """
                Gets a test message through each provider of a channel that it has an address for. By WhatsApp one goes only to \
                somebody who has written to the provider's number within the last 24 hours: to others nothing is sent, and the \
                credentials alone are tried.
                """
            )
        ]
    }
}

/// What came of a test, provider by provider.
package struct ConfigurationTestResults: Wire {
    package struct Result: Wire, Hashable {
        package var channel: MessageChannel
        package var provider: String
        /// The entry in force that was tried; a candidate has none.
        package var entryId: ProviderEntryID?
        /// Whose provider it is; absent for a candidate.
        package var source: ProviderSource?
        /// Whether the provider is there and takes the credentials, and the message if one was sent.
        package var ok: Bool
        /// Whether a test message was sent: the provider took it.
        package var sent: Bool
        package var outcome: AttemptOutcome
        package var detail: String
        package var latencyMs: Int
        /// What is known of the sender; absent in channels where nothing can be found out about it.
        package var sender: [SenderFinding]?

        package init(
            channel: MessageChannel,
            provider: String,
            entryId: ProviderEntryID?,
            source: ProviderSource?,
            ok: Bool,
            sent: Bool,
            outcome: AttemptOutcome,
            detail: String,
            latencyMs: Int,
            sender: [SenderFinding]? = nil
        ) {
            self.channel = channel
            self.provider = provider
            self.entryId = entryId
            self.source = source
            self.ok = ok
            self.sent = sent
            self.outcome = outcome
            self.detail = detail
            self.latencyMs = latencyMs
            self.sender = sender
        }
    }

    package var results: [Result]

    package init(results: [Result]) { self.results = results }
}

/// One thing found out about the domain that mail is sent from, or about a WhatsApp number.
package struct SenderFinding: Wire, Hashable {
    /// What was looked at.
    package enum Aspect: String, Hashable, Sendable, Codable, CaseIterable {
        case spf, dkim, dmarc
        /// Whether the provider knows the sender as verified.
        case provider
        /// Whether the provider leaves mails as they are: no pixels, no links of its own.
        case tracking
        /// Whether a WhatsApp number is verified and connected under an approved name.
        case number
        /// What people think of what a WhatsApp number sends.
        case quality
        /// Whether the account's WhatsApp templates are approved.
        case templates
    }

    package enum State: String, Hashable, Sendable, Codable, CaseIterable {
        case passed
        /// What is sent will arrive less well, or not at all.
        case failed
        /// It cannot be told from here.
        case unknown
    }

    package var aspect: Aspect
    package var state: State
    package var detail: String

    package init(aspect: Aspect, state: State, detail: String) {
        self.aspect = aspect
        self.state = state
        self.detail = detail
    }
}
