import Core
import FoundationEssentials
import Glibc
import LocalServers
import Vault
import Testing

@testable import Operator

@Suite(.timeLimit(.minutes(1))) struct LocalServersTests {
    private func mode(_ path: String) -> mode_t {
        var info = stat()
        return unsafe stat(path, &info) == 0 ? info.st_mode & 0o777 : 0
    }

    @Test func aHomeKeepsItsDataPasswordsAndPortsOverARestart() throws {
        let home = FileManager.default.temporaryDirectory.path() + "servers-\(RequestID())"
        defer { try? FileManager.default.removeItem(atPath: home) }
        let first = try LocalServers(home: home, services: ["access"], isDurable: false)
        let urls = [first.ownerURL, first.inspectorURL, first.serviceURL("access"), first.redisURL].map(\.unredacted)
        #expect(urls.allSatisfy { $0.contains("@127.0.0.1:") })
        #expect(Set(urls).count == 4)
        #expect(throws: LocalServersError.self) { try LocalServers(home: home, services: ["access"]) }
        #expect(mode("\(home)/servers.json") == 0o600)
        #expect(mode("\(home)/redis/redis.conf") == 0o600)
        first.stop()
        let second = try LocalServers(home: home, services: ["access"], isDurable: false)
        defer { second.stop() }
        let again = [second.ownerURL, second.inspectorURL, second.serviceURL("access"), second.redisURL]
        #expect(again.map(\.unredacted) == urls)
    }

    @Test func aServerThatWasLeftBehindIsReplaced() throws {
        let home = FileManager.default.temporaryDirectory.path() + "servers-\(RequestID())"
        defer { try? FileManager.default.removeItem(atPath: home) }
        let first = try LocalServers(home: home, services: [], isDurable: false)
        let former = try #require(first.postgres).pid
        first.abandon()
        let second = try LocalServers(home: home, services: [], isDurable: false)
        defer { second.stop() }
        #expect(kill(former, 0) != 0)
    }
}

@Suite struct KeyStoreTests {
    @Test func everyProcessGetsItsOwnView() throws {
        let folder = FileManager.default.temporaryDirectory.path() + "keys-\(RequestID())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = KeyStore("\(folder)/keys.json")
        try store.makeIfMissing()
        let whole = try store.read()
        try store.makeIfMissing()
        #expect(try store.read() == whole)
        let gateway = try KeyStore("\(folder)/gateway.json").read()
        #expect(gateway.keyEncryptionKeys.isEmpty && gateway.busKeys.isEmpty && gateway.auditSigningKey == nil)
        #expect(gateway.edges != nil)
        let billing = try KeyStore("\(folder)/billing.json").read()
        #expect(
            billing.auditSigningKey == nil && billing.jwtSigningKeys.isEmpty
                && billing.blindIndexKey != whole.blindIndexKey
        )
    }
}
