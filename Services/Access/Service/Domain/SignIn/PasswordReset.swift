package import Core

/// What a link to a new password is good for.
package enum PasswordReset {
    package static let lifetime: Duration = .seconds(3_600)
    /// Links sent to one person within the hour; further requests are answered and do nothing.
    package static let mostPerHour = 5

    /// Who sends the link: the clinic, unless the account reaches past it.
    ///
    /// Who runs a clinic's provider could read what it carries, and must not come by it into other clinics.
    package static func sender(clinics: [ClinicID], hasSystemRole: Bool) -> ClinicID {
        clinics.count == 1 && !hasSystemRole ? clinics[0] : .installation
    }

    /// What is known of the token that was presented.
    package struct Known: Hashable, Sendable {
        package var user: UserID
        package var expiresAt: Instant
        package var isUsed: Bool

        package init(user: UserID, expiresAt: Instant, isUsed: Bool) {
            self.user = user
            self.expiresAt = expiresAt
            self.isUsed = isUsed
        }

        package func isOpen(at now: Instant) -> Bool { !isUsed && expiresAt > now }
    }
}
