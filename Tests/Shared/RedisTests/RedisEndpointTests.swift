import Core
import Redis
import Testing

@Suite struct RedisEndpointTests {
    @Test(arguments: [
        ("redis://localhost", RedisEndpoint(host: "localhost")),
        ("redis://10.0.0.1:6380/3", RedisEndpoint(host: "10.0.0.1", port: 6380, database: 3)),
        ("rediss://cache.example:6379/0", RedisEndpoint(host: "cache.example", usesTLS: true)),
        (
            "redis://app:p%40ss@host/1",
            RedisEndpoint(host: "host", database: 1, user: "app", password: .init("p@ss"))
        ),
        ("redis://:only@host", RedisEndpoint(host: "host", password: .init("only"))),
        ("redis://[::1]:7000", RedisEndpoint(host: "::1", port: 7000)),
        ("rediss://host?ca=/etc/ca.pem", RedisEndpoint(host: "host", usesTLS: true, trustRoots: "/etc/ca.pem")),
    ])
    func reads(url: String, expected: RedisEndpoint) {
        #expect(RedisEndpoint(url: url) == expected)
    }

    @Test(arguments: [
        "", "localhost:6379", "http://localhost", "redis://", "redis://host/one", "redis://host/-1", "redis://host?x=1",
        "redis://host/0#f", "redis://host?ca=/etc/ca.pem",
    ])
    func refuses(url: String) {
        #expect(RedisEndpoint(url: url) == nil)
    }

    @Test func neverShowsItsPassword() throws {
        let endpoint = try #require(RedisEndpoint(url: "redis://:swordfish@host"))
        #expect(!"\(endpoint)".contains("swordfish"))
        var dumped = ""
        dump(endpoint, to: &dumped)
        #expect(!dumped.contains("swordfish"))
    }
}
