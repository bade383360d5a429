package import Core

/// Who shows a credential with a request: what a decision is made for.
package enum Caller: Hashable, Sendable {
    case user(UserID, signIn: SignInID?)
    case apiKey(APIKeyID)

    /// The one a principal stands for; `nil` for everybody else who acts.
    package init?(_ principal: Principal) {
        switch principal.kind {
        case .user:
            guard let user = principal.user, let signIn = principal.signIn else { return nil }
            self = .user(user, signIn: signIn)
        case .apiKey:
            guard let key = APIKeyID(principal.id) else { return nil }
            self = .apiKey(key)
        case .anonymous, .provider, .system, .operator: return nil
        }
    }

    /// The person, where it is one.
    package var user: UserID? {
        if case .user(let user, _) = self { user } else { nil }
    }

    /// Carried on to services, before it is known what the caller holds.
    package var principal: Principal {
        switch self {
        case .user(let user, let signIn): Principal(kind: .user, id: user.description, signIn: signIn)
        case .apiKey(let key): Principal(kind: .apiKey, id: key.description)
        }
    }
}
