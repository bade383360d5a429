import Core
import Synchronization

/// Which bodies of several pieces one gateway passes on at once: each has at most one piece on the bus.
///
/// Whoever brings a webhook shows only with its last piece that it is a provider's. Such bodies have room of their own, so that
/// they keep nobody's upload waiting, and nobody fills it alone.
final class FlowRoom: Sendable {
    /// Whose body it is.
    enum Kind: Hashable, Sendable {
        /// Of a caller who is signed in.
        case signedIn
        /// Of whoever has come to an address for webhooks.
        case unproved
    }

    /// A place that is taken until it is left.
    struct Place: Sendable {
        fileprivate let kind: Kind
        fileprivate let clinic: ClinicID?
        fileprivate let client: String
    }

    /// Uploads at once.
    static let mostSignedIn = 64
    /// Of them those of one clinic.
    static let mostSignedInOfClinic = 32
    /// Webhooks of several pieces at once.
    static let mostUnproved = 32
    /// Of them those for one clinic, which is the one that the path names.
    static let mostUnprovedOfClinic = 16
    /// Of them those from one client address.
    static let mostUnprovedOfClient = 8

    private struct State {
        var all: [Kind: Int] = [:]
        var clinics: [Kind: [ClinicID: Int]] = [:]
        var clients: [String: Int] = [:]
    }

    private let state = Mutex(State())

    /// Takes a place; `nil` where there is none.
    ///
    /// - Parameter address: the client's; a network of IPv6 is one client.
    func enter(_ kind: Kind, _ clinic: ClinicID?, from address: String) -> Place? {
        let client = TrustedProxies.client(at: address)
        let (most, mostOfClinic) =
            switch kind {
            case .signedIn: (Self.mostSignedIn, Self.mostSignedInOfClinic)
            case .unproved: (Self.mostUnproved, Self.mostUnprovedOfClinic)
            }
        let isFree = state.withLock { state in
            guard state.all[kind, default: 0] < most else { return false }
            if let clinic, state.clinics[kind]?[clinic] ?? 0 >= mostOfClinic { return false }
            if kind == .unproved {
                guard state.clients[client, default: 0] < Self.mostUnprovedOfClient else { return false }
                state.clients[client, default: 0] += 1
            }
            state.all[kind, default: 0] += 1
            if let clinic { state.clinics[kind, default: [:]][clinic, default: 0] += 1 }
            return true
        }
        return isFree ? Place(kind: kind, clinic: clinic, client: client) : nil
    }

    func leave(_ place: Place) {
        state.withLock { state in
            state.all[place.kind, default: 0] -= 1
            if let clinic = place.clinic { Self.subtract(clinic, from: &state.clinics[place.kind, default: [:]]) }
            if place.kind == .unproved { Self.subtract(place.client, from: &state.clients) }
        }
    }

    /// Nothing is kept of whom nothing is left.
    private static func subtract<Key: Hashable>(_ key: Key, from counts: inout [Key: Int]) {
        let rest = counts[key, default: 0] - 1
        counts[key] = rest > 0 ? rest : nil
    }
}
