import Core
import Testing

@testable import Vault

@Suite("Sealing")
struct SealerTests {
    private let keys = KeyFile.generate()
    private let clinic = ClinicID()
    private let sealer = Sealer(service: .billing)

    private func dataKey(_ service: ServiceName = .billing, clinic: ClinicID? = nil) throws -> DataKey {
        try DataKeys(keys, service: service).make(clinic: clinic ?? self.clinic).0
    }

    private func seal(_ text: String, with key: DataKey) throws -> [UInt8] {
        try sealer.seal(Array(text.utf8), clinic: clinic, purpose: "note", record: "1", version: 3, dataKey: key)
    }

    @Test(arguments: [0, 1, 15, 16, 17, 4_096])
    func `what is sealed opens again, and never looks the same`(count: Int) throws {
        let key = try dataKey()
        let text = String(repeating: "x", count: count)
        let sealed = try seal(text, with: key)
        let opened = try sealer.open(sealed, clinic: clinic, purpose: "note", record: "1", version: 3, dataKey: key)
        #expect(opened == Array(text.utf8))
        #expect(try seal(text, with: key) != sealed)
        #expect(try Sealer.dataKeyID(of: sealed) == key.id)
    }

    @Test func `it opens at no other place`() throws {
        let key = try dataKey()
        let sealed = try seal("secret", with: key)
        func code(_ open: () throws(VaultError) -> [UInt8]) -> VaultError.Code? {
            do throws(VaultError) { _ = try open() } catch { return error.code }
            return nil
        }
        func open(
            _ purpose: String = "note",
            _ record: String = "1",
            _ version: Int64 = 3,
            _ clinic: ClinicID? = nil,
            _ service: ServiceName = .billing
        ) -> VaultError.Code? {
            code { () throws(VaultError) in
                try Sealer(service: service).open(
                    sealed,
                    clinic: clinic ?? self.clinic,
                    purpose: purpose,
                    record: record,
                    version: version,
                    dataKey: key
                )
            }
        }
        #expect(open() == nil)
        #expect(open("other") == .notAuthentic)
        #expect(open("note", "2") == .notAuthentic)
        #expect(open("note1", "") == .notAuthentic)
        #expect(open("note", "1", 4) == .notAuthentic)
        #expect(open("note", "1", 3, ClinicID()) == .notAuthentic)
        #expect(open("note", "1", 3, nil, .access) == .notAuthentic)
    }

    @Test func `every flipped bit is noticed`() throws {
        let key = try dataKey()
        let sealed = try seal("secret", with: key)
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 1 << UInt8(index % 8)
            #expect(throws: VaultError.self, "byte \(index)") {
                try sealer.open(changed, clinic: clinic, purpose: "note", record: "1", version: 3, dataKey: key)
            }
        }
        for count in 0..<sealed.count {
            #expect(throws: VaultError.self) {
                try sealer.open(
                    Array(sealed[..<count]),
                    clinic: clinic,
                    purpose: "note",
                    record: "1",
                    version: 3,
                    dataKey: key
                )
            }
        }
    }

    @Test func `another data key is unknown, not a failure`() throws {
        let sealed = try seal("secret", with: try dataKey())
        let other = try dataKey()
        let error = #expect(throws: VaultError.self) {
            try sealer.open(sealed, clinic: clinic, purpose: "note", record: "1", version: 3, dataKey: other)
        }
        #expect(error?.code == .unknownKey && error?.isTransient == true)
    }

    @Test func `the key commitment is checked before the tag`() throws {
        // An envelope under another key with the right nonce, ciphertext and tag still has to name its key.
        let key = try dataKey()
        var sealed = try seal("secret", with: key)
        let commitment = 17 + 1 + Envelope.saltBytes
        sealed[commitment] ^= 1
        #expect(throws: VaultError(.notAuthentic)) {
            try sealer.open(sealed, clinic: clinic, purpose: "note", record: "1", version: 3, dataKey: key)
        }
    }

    @Test func `associated data of different fields is never the same`() {
        let lists: [[String]] = [["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""], ["", "abc"], [], [""]]
        let encoded = lists.map { AssociatedData($0.map { Array($0.utf8) }).bytes }
        #expect(Set(encoded).count == lists.count)
    }
}

@Suite("Data keys")
struct DataKeysTests {
    private let clinic = ClinicID()

    @Test func `a wrapped key opens with its ring, in its service and clinic only`() throws {
        let keys = KeyFile.generate()
        let (key, record) = try DataKeys(keys, service: .billing).make(clinic: clinic)
        #expect(try DataKeys(keys, service: .billing).unwrap(record).id == key.id)
        var moved = record
        moved.clinic = ClinicID()
        #expect(throws: VaultError(.notAuthentic)) { try DataKeys(keys, service: .billing).unwrap(moved) }
        #expect(throws: VaultError.self) { try DataKeys(keys, service: .access).unwrap(record) }
        var taken = record
        taken.service = .access
        #expect(throws: VaultError(.notAuthentic)) { try DataKeys(keys, service: .access).unwrap(taken) }
    }

    @Test func `rotation rewraps, and a process without the new key waits`() throws {
        var keys = KeyFile.generate()
        let old = keys
        let (key, record) = try DataKeys(keys, service: .billing).make(clinic: clinic)
        let sealer = Sealer(service: .billing)
        let sealed = try sealer.seal([1, 2], clinic: clinic, purpose: "p", record: "r", version: 1, dataKey: key)
        let next = try keys.rotate(.keyEncryption)
        #expect(try DataKeys(keys, service: .billing).rewrap(record) == record)
        try keys.promote(.keyEncryption, id: next)
        let renewed = try DataKeys(keys, service: .billing).rewrap(record)
        #expect(renewed.keyID == next && renewed.wrapped != record.wrapped)
        let again = try DataKeys(keys, service: .billing).unwrap(renewed)
        #expect(
            try sealer.open(sealed, clinic: clinic, purpose: "p", record: "r", version: 1, dataKey: again) == [1, 2]
        )
        let error = #expect(throws: VaultError.self) { try DataKeys(old, service: .billing).unwrap(renewed) }
        #expect(error?.isTransient == true && error?.keyID == next)
    }
}

@Suite("Blind index")
struct BlindIndexTests {
    @Test func `equal values of one clinic and purpose meet, others do not`() throws {
        let keys = KeyFile.generate()
        let index = try BlindIndex(keys, service: .communication)
        let clinic = ClinicID()
        let token = index.token("a@b.example", purpose: "email", clinic: clinic)
        #expect(token.count == 32)
        #expect(index.token("a@b.example", purpose: "email", clinic: clinic) == token)
        let others = [
            index.token("a@b.example", purpose: "email", clinic: ClinicID()),
            index.token("a@b.example", purpose: "email", clinic: nil),
            index.token("a@b.example", purpose: "phone", clinic: clinic),
            index.token("b@b.example", purpose: "email", clinic: clinic),
            try BlindIndex(keys, service: .access).token("a@b.example", purpose: "email", clinic: clinic),
            try BlindIndex(KeyFile.generate(), service: .communication).token(
                "a@b.example",
                purpose: "email",
                clinic: clinic
            ),
        ]
        #expect(Set(others + [token]).count == others.count + 1)
    }

    @Test func `comparison`() {
        #expect(constantTimeEqual([1, 2, 3], [1, 2, 3]))
        #expect(!constantTimeEqual([1, 2, 3], [1, 2, 4]))
        #expect(!constantTimeEqual([1, 2], [1, 2, 3]))
        #expect(constantTimeEqual([UInt8](), []))
    }
}
