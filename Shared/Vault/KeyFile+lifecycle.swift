package import Core
import Crypto

extension KeyFile {
    /// The rings that are rotated by adding a key everywhere first and promoting it later.
    package enum Ring: String, Sendable, CaseIterable {
        case keyEncryption = "key-encryption"
        case bus
        case token = "jwt"
    }

    /// A whole new file with one current key of each kind, and the next token key.
    package static func generate(at now: Instant = .now()) -> KeyFile {
        KeyFile(
            version: currentVersion,
            process: nil,
            keyEncryptionKeys: [Key(id: newID("kek", at: now), key: .random(), current: true)],
            busKeys: [Key(id: newID("bus", at: now), key: .random(), current: true)],
            edges: nil,
            currentEdgeKey: nil,
            auditSigningKey: SigningKey(id: newID("audit", at: now), key: .random()),
            jwtSigningKeys: [newTokenKey(current: true, at: now), newTokenKey(current: false, at: now)],
            blindIndexKey: .random()
        )
    }

    /// Adds a key that is not current yet, and returns its id.
    ///
    /// Distribute the file before promoting it.
    package mutating func rotate(_ ring: Ring, at now: Instant = .now()) throws(KeyFileError) -> String {
        guard process == nil else { throw KeyFileError("Keys are rotated in the whole key file, not in a view.") }
        switch ring {
        case .keyEncryption:
            keyEncryptionKeys.append(Key(id: Self.newID("kek", at: now), key: .random(), current: false))
            return keyEncryptionKeys[keyEncryptionKeys.count - 1].id
        case .bus:
            busKeys.append(Key(id: Self.newID("bus", at: now), key: .random(), current: false))
            return busKeys[busKeys.count - 1].id
        case .token:
            jwtSigningKeys.append(Self.newTokenKey(current: false, at: now))
            return jwtSigningKeys[jwtSigningKeys.count - 1].id
        }
    }

    /// Makes a key of the ring the current one.
    ///
    /// Refused for an id the ring does not have.
    package mutating func promote(_ ring: Ring, id: String, at now: Instant = .now()) throws(KeyFileError) {
        guard ids(of: ring).contains(id) else { throw KeyFileError("There is no \(ring.rawValue) key \(id).") }
        switch ring {
        case .keyEncryption:
            for index in keyEncryptionKeys.indices {
                keyEncryptionKeys[index].current = keyEncryptionKeys[index].id == id
            }
        case .bus: for index in busKeys.indices { busKeys[index].current = busKeys[index].id == id }
        case .token:
            for index in jwtSigningKeys.indices {
                let becomesCurrent = jwtSigningKeys[index].id == id
                if jwtSigningKeys[index].current, !becomesCurrent { jwtSigningKeys[index].supersededAt = now }
                if becomesCurrent { jwtSigningKeys[index].supersededAt = nil }
                jwtSigningKeys[index].current = becomesCurrent
            }
        }
    }

    /// Takes a key out.
    ///
    /// Refused for the current one; the caller makes sure that nothing uses it any more.
    package mutating func retire(_ ring: Ring, id: String) throws(KeyFileError) {
        guard ids(of: ring).contains(id) else { throw KeyFileError("There is no \(ring.rawValue) key \(id).") }
        guard currentID(of: ring) != id else {
            throw KeyFileError("The current \(ring.rawValue) key cannot be retired.")
        }
        switch ring {
        case .keyEncryption: keyEncryptionKeys.removeAll { $0.id == id }
        case .bus: busKeys.removeAll { $0.id == id }
        case .token: jwtSigningKeys.removeAll { $0.id == id }
        }
    }

    /// The ids of a ring's keys, oldest first.
    package func ids(of ring: Ring) -> [String] {
        switch ring {
        case .keyEncryption: keyEncryptionKeys.map(\.id)
        case .bus: busKeys.map(\.id)
        case .token: jwtSigningKeys.map(\.id)
        }
    }

    /// The id of the key that the ring uses for new things.
    package func currentID(of ring: Ring) -> String? {
        switch ring {
        case .keyEncryption: keyEncryptionKeys.first(where: \.current)?.id
        case .bus: busKeys.first(where: \.current)?.id
        case .token: jwtSigningKeys.first(where: \.current)?.id
        }
    }

    /// The ids of all keys that the process of this view holds.
    package var heldIDs: [String] {
        (keyEncryptionKeys.map(\.id) + (edges.map { Array($0.keys) } ?? []) + jwtSigningKeys.map(\.id)).sorted()
    }

    /// Of these the ids of those that it wraps, seals and signs with.
    package var usedIDs: [String] {
        let signing = jwtSigningKeys.first { $0.current && $0.key != nil }?.id
        return [currentID(of: .keyEncryption), currentEdgeKey, signing].compactMap(\.self)
    }

    /// What one process is given.
    ///
    /// `edges` derives, from a bus key, the keys of the edges that process stands at.
    ///
    /// The gateway gets no key-encryption key and only the public halves of the token keys; the audit and token signing
    /// keys go to access alone.
    package func view(
        for holder: KeyHolder,
        edges deriveEdges: (_ busKey: Key, _ holder: KeyHolder) -> [String: KeyMaterial]
    ) -> KeyFile {
        var view = self
        view.process = holder
        view.busKeys = []
        view.edges = Dictionary(busKeys.map { ($0.id, deriveEdges($0, holder)) }) { first, _ in first }
        view.currentEdgeKey = currentID(of: .bus)
        if holder != .service(.access) {
            view.auditSigningKey = nil
            view.jwtSigningKeys = holder == .gateway ? jwtSigningKeys.map(\.verifyingOnly) : []
        }
        switch holder {
        case .gateway:
            view.keyEncryptionKeys = []
            view.blindIndexKey = nil
        case .service(let service):
            view.keyEncryptionKeys = keyEncryptionKeys.map { $0.derived(for: "polyclinic kek \(service.rawValue)") }
            view.blindIndexKey = blindIndexKey?.derived(for: "polyclinic blind index \(service.rawValue)")
        }
        return view
    }

    private static func newID(_ kind: String, at now: Instant) -> String {
        "\(kind)-\(RequestID(at: now).description.suffix(12))"
    }

    private static func newTokenKey(current: Bool, at now: Instant) -> TokenKey {
        let key = P256.Signing.PrivateKey()
        return TokenKey(
            id: newID("jwt", at: now),
            key: KeyMaterial([UInt8](key.rawRepresentation)),
            publicKey: KeyMaterial([UInt8](key.publicKey.x963Representation)),
            current: current
        )
    }
}

extension KeyFile.Key {
    fileprivate func derived(for purpose: String) -> Self {
        Self(id: id, key: key.derived(for: purpose), current: current)
    }
}

extension KeyFile.TokenKey {
    fileprivate var verifyingOnly: Self { Self(id: id, key: nil, publicKey: publicKey, current: current) }
}
