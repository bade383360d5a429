/// Where a provider has e-mails come back to that do not arrive, if not to the sender's own domain: SPF (RFC 7208) is about that
/// domain.
struct ReturnPath: Sendable, Equatable {
    /// The domains by which records let the provider's servers send, as it tells its customers; empty where it publishes none.
    var includes: [String] = []
    /// Where the domain stands below the sender's, unless a customer chooses another; `nil` where each has one of their own.
    var label: String?
}
