import AccessAPI
import Authorization
import Core
import Postgres
import ServiceHost
import Vault

/// Finding accounts and making them.
struct Accounts: Sendable {
    let index: BlindIndex
    let publicURL: String
    let notices: Notices

    /// The keyed hash an account is found by.
    func emailHash(_ address: EmailAddress) -> [UInt8] {
        index.token(address.normalized, purpose: "e-mail address", clinic: nil)
    }

    /// The same for any address that a code is sent to.
    func hash(_ address: CodeAddress) -> [UInt8] {
        switch address {
        case .email(let email): emailHash(email)
        case .phone(let phone): phoneHash(phone)
        }
    }

    private func phoneHash(_ phone: PhoneNumber) -> [UInt8] {
        index.token(phone.number, purpose: "phone number", clinic: nil)
    }

    /// What an account's tries are counted under: the address one signs in with, else its number.
    func tryHash(_ user: StoredUser) -> [UInt8] {
        user.email.map(emailHash) ?? index.token(user.address, purpose: "phone number", clinic: nil)
    }

    /// What an account is found by.
    func hashes(_ user: StoredUser) -> AddressHashes {
        AddressHashes(email: user.email.map(emailHash), phone: user.phone.map(phoneHash))
    }

    /// Whose account an address leads into.
    func owner(of address: CodeAddress, in database: Database) async throws -> UserID? {
        let hash = hash(address)
        return try await database.through(.lookup) { tx in
            switch address {
            case .email: try UserStore.find(emailHash: hash, in: tx)
            case .phone: try UserStore.find(phoneHash: hash, in: tx)
            }
        }
    }

    /// An invitation with its token, and the same without, for a repeated reply; the person is sent it, too.
    ///
    /// Works in a transaction of the clinic.
    ///
    /// - Parameter recipient: where it is sent; where the account is reached when absent.
    func invitation(
        of user: StoredUser,
        into clinic: ClinicID,
        to recipient: Notices.Recipient? = nil,
        by context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> (shown: Invitation, replayed: Invitation) {
        let token = OneTimeToken(.invitation, index: index)
        InvitationStore.insert(
            user.id,
            into: clinic,
            tokenHash: token.hash,
            by: context.principal.id,
            at: context.now,
            in: tx
        )
        // The token stands behind the `#`, so that no server and no log sees it.
        let text = token.text.unredacted
        let url = "\(publicURL)/invitation#\(text)"
        let expiresAt = context.now + InvitationStore.lifetime
        try notices.request(
            .invitation(link: Secret(url)),
            to: recipient ?? Notices.Recipient(user),
            expiresAt: expiresAt,
            by: context.actor,
            in: tx
        )
        return (
            Invitation(token: text, url: url, expiresAt: expiresAt),
            Invitation(token: nil, url: nil, expiresAt: expiresAt)
        )
    }

    /// An account that belongs to no clinic yet.
    ///
    /// Throws 409 `email_taken` or `phone_taken`.
    func add(
        email: EmailAddress?,
        phone: PhoneNumber? = nil,
        name: String,
        locale: String?,
        status: SystemUser.Status = .invited,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> StoredUser {
        let user = StoredUser(
            id: UserID(at: now),
            email: email,
            phone: phone,
            name: name,
            locale: locale,
            status: status,
            createdAt: now,
            version: 1
        )
        let version = try PolicyVersionStore.raise(in: tx)
        do {
            try UserStore.insert(user, hashes: hashes(user), policyVersion: version, in: tx)
        } catch let error as DatabaseError where error.constraint == "user_emails_pkey" {
            throw Problem.conflict("email_taken", "There is an account with this address.")
        } catch let error as DatabaseError where error.constraint == "user_phones_pkey" {
            throw Problem.conflict("phone_taken", "There is an account with this number.")
        }
        return user
    }
}
