import CommunicationAPI

/// Why a provider does not send what it has taken, where that is the account's and not the message's: nothing else gets through
/// either, until somebody has mended it.
enum AccountFault: String, Sendable, Hashable, CaseIterable {
    /// The account is locked, or lets nobody in.
    case credentials
    /// It has used up what it may send or spend.
    case quota
    /// It may not send from this sender, or to this country.
    case senderNotAuthorised = "sender_not_authorised"

    /// What a provider tells late means what it would have meant at once; `nil` for what is not the account's.
    init?(_ outcome: AttemptOutcome?) {
        switch outcome {
        case .credentials: self = .credentials
        case .quota: self = .quota
        case .senderNotAuthorised: self = .senderNotAuthorised
        default: return nil
        }
    }

    /// What somebody is told of it.
    var alert: AlertKind {
        switch self {
        case .credentials: .credentialsRefused
        case .quota: .quotaUsedUp
        case .senderNotAuthorised: .senderNotAuthorised
        }
    }
}

/// That an account does not send, as it was told of a message.
struct AccountNews: Sendable, Hashable {
    let fault: AccountFault
    let provider: String
    let channel: String
    /// The installation's, which its operators mend; else the clinic's.
    let isDefault: Bool

    init(_ fault: AccountFault, of attempt: ReportedAttempt) {
        self.fault = fault
        provider = attempt.provider
        channel = attempt.channel
        isDefault = attempt.isDefault
    }
}
