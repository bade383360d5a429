import Core

/// A contact's device that a notification may go to.
struct PushDevice: Sendable, Equatable {
    let token: Secret
    /// What it is found by; see `AddressIndex`.
    let addressIndex: [UInt8]
    /// When the app has last registered it.
    let registeredAt: Instant
    /// No provider has taken a notification for it since: what one knows of it may be older than the registration.
    let isFresh: Bool
}
