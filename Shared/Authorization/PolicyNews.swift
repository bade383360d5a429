package import Core

/// What access tells every process twice a second; the version goes beside it.
package struct PolicyNews: Codable, Hashable, Sendable {
    /// How often.
    package static let period: Duration = .milliseconds(500)
    /// Who has heard none for so long knows nothing for certain any more.
    package static let goodFor: Duration = .seconds(2)

    /// When the version was read; whoever hears it late does not take it for new.
    package var at: Instant
    /// The ids of the keys that tokens may be signed with; whoever holds others asks for them.
    ///
    /// `nil` from a process that does not say.
    package var keyIDs: [String]?

    package init(at: Instant, keyIDs: [String]? = nil) {
        self.at = at
        self.keyIDs = keyIDs
    }
}
