import Core
import Testing

@testable import Vault

@Suite("Key file")
struct KeyFileTests {
    /// Two edges whose keys tell which bus key and process they were made of.
    private func edges(_ key: KeyFile.Key, _ holder: KeyHolder) -> [String: KeyMaterial] {
        ["edge of \(holder)": key.key.derived(for: "edge of \(holder)")]
    }

    @Test func `a new file is complete and survives its JSON`() throws {
        let keys = KeyFile.generate()
        #expect(keys.jwtSigningKeys.count == 2)
        #expect(try KeyFile(json: try keys.json()) == keys)
        #expect(KeyFile.generate() != keys)
    }

    @Test func `nothing printed shows a key`() throws {
        let keys = KeyFile.generate()
        let secret = try #require(String(decoding: try keys.json(), as: UTF8.self).firstMatch(of: /"key" : "([^"]+)"/))
            .1
        #expect(!"\(keys)".contains(secret))
        #expect(!String(reflecting: keys).contains(secret))
        var dumped = ""
        dump(keys, to: &dumped)
        #expect(!dumped.contains(secret))
    }

    @Test func `the gateway gets no key that opens or signs anything but its edges`() throws {
        let view = KeyFile.generate().view(for: .gateway, edges: edges)
        #expect(view.keyEncryptionKeys.isEmpty && view.busKeys.isEmpty && view.blindIndexKey == nil)
        #expect(view.auditSigningKey == nil)
        #expect(view.jwtSigningKeys.count == 2 && view.jwtSigningKeys.allSatisfy { $0.key == nil })
        #expect(view.edges?.values.first?.keys.sorted() == ["edge of gateway"])
        #expect(try KeyFile(json: try view.json()) == view)
    }

    @Test func `each service gets keys of its own`() throws {
        let keys = KeyFile.generate()
        let views = ServiceName.allCases.map { keys.view(for: .service($0), edges: edges) }
        #expect(Set(views.compactMap { $0.keyEncryptionKeys.first?.key }).count == ServiceName.allCases.count)
        #expect(Set(views.compactMap(\.blindIndexKey)).count == ServiceName.allCases.count)
        #expect(!views.contains { $0.keyEncryptionKeys.first?.key == keys.keyEncryptionKeys.first?.key })
        for view in views where view.process != .service(.access) {
            #expect(view.auditSigningKey == nil && view.jwtSigningKeys.isEmpty)
        }
        #expect(views.first?.process == .service(.access) && views.first?.auditSigningKey != nil)
    }

    @Test func `a view is refused to another service`() {
        let view = KeyFile.generate().view(for: .service(.billing), edges: edges)
        #expect(throws: KeyFileError.self) { try DataKeys(view, service: .communication) }
        #expect(throws: KeyFileError.self) { try BlindIndex(view, service: .communication) }
    }

    @Test(arguments: KeyFile.Ring.allCases)
    func `a ring is rotated by adding, promoting and retiring`(ring: KeyFile.Ring) throws {
        var keys = KeyFile.generate()
        let first = try #require(keys.currentID(of: ring))
        let second = try keys.rotate(ring)
        #expect(keys.currentID(of: ring) == first)
        #expect(throws: KeyFileError.self) { try keys.retire(ring, id: first) }
        try keys.promote(ring, id: second)
        #expect(keys.currentID(of: ring) == second)
        try keys.retire(ring, id: first)
        #expect(!keys.ids(of: ring).contains(first))
        #expect(throws: KeyFileError.self) { try keys.promote(ring, id: first) }
        #expect(try KeyFile(json: try keys.json()) == keys)
    }

    @Test func `a broken file is refused in words`() throws {
        var two = KeyFile.generate()
        two.keyEncryptionKeys.append(.init(id: "x", key: .random(), current: true))
        var short = KeyFile.generate()
        short.busKeys[0].key = KeyMaterial([1, 2, 3])
        var future = KeyFile.generate()
        future.version = 2
        for (file, message) in [(two, "exactly one current"), (short, "32 bytes"), (future, "version 2")] {
            let error = #expect(throws: KeyFileError.self) { try KeyFile(json: try file.json()) }
            #expect(error?.description.contains(message) == true)
        }
        #expect(throws: KeyFileError.self) { try KeyFile(json: Array("{}".utf8)) }
    }
}
