/// Who may call an operation.
///
/// Part of every declaration: there is no default.
package enum Guard: Sendable {
    /// Holders of the permission; how far it reaches follows from their roles.
    case permission(Permission)
    /// Any signed-in user.
    case signedIn
    /// Everybody, for the reason given.
    case open(because: StaticString)
    /// A provider's webhook; the service verifies the signature of the one named.
    case signature(of: StaticString)
    /// Our own processes over the bus; has no route.
    case internalOnly

    /// The permission, where one is asked for.
    package var permission: Permission? {
        if case .permission(let permission) = self { permission } else { nil }
    }

    /// Whether a caller without a token is let in.
    package var isPublic: Bool {
        switch self {
        case .open, .signature: true
        case .permission, .signedIn, .internalOnly: false
        }
    }

    /// How the OpenAPI document's `x-permission` names it.
    package var name: String {
        switch self {
        case .permission(let permission): permission.name
        case .signedIn: "signed_in"
        case .open: "public"
        case .signature(let vendor): "signature:\(vendor)"
        case .internalOnly: "internal"
        }
    }
}

/// What an operation leaves in the audit trail.
package enum AuditClass: Sendable {
    /// An entry in the transaction of the effect.
    case change
    /// An entry beside an audited read of health data.
    case read
    /// Nothing, for the reason given.
    case none(because: StaticString)
    /// The operation writes its own entries: sign-ins, refused ones included.
    case login
}

/// Where the clinic of a request is named.
package enum Tenancy: Sendable {
    /// In the path, as `{clinicId}`.
    case path
    /// In `X-Clinic-Id`, or the caller's only clinic.
    case header
    /// The operation belongs to no clinic.
    case none
}

/// What an operation takes as its body.
package enum BodyKind: Hashable, Sendable {
    case none
    case json
    /// RFC 7396: an absent member is left as it is, `null` clears it.
    case mergePatch
    /// Bytes as they come, at most so many; they fill the input's `RawBody`.
    ///
    /// With media types, another operation may have the same method and path: which one is meant is told by the
    /// request's type.
    case raw(maxBytes: Int, media: [String] = [])
    /// Bytes of one of these types, of any where none is named, passed on in pieces while they come: each fills the input's
    /// `RawBody`.
    case streamed(maxBytes: Int, media: [String])

    /// The types by which a raw body is told from another operation's at the same place.
    package var rawMedia: [String] { if case .raw(_, let media) = self { media } else { [] } }

    /// Bytes of the longest body that is passed on in one piece: a service reads several requests at once, and all of them
    /// have to fit into one reply of Redis.
    package static let mostBytes = 4 << 20

    /// Whether the body is passed on in pieces.
    package var isStreamed: Bool { if case .streamed = self { true } else { false } }
}

/// What an operation does with `If-Match`.
package enum Precondition: Sendable {
    case none
    /// 412 when it names another version.
    case honoured
    /// 428 without it.
    case required
}
