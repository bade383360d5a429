import Contracts
import Core
import Testing

@testable import ProviderConfig

private let now = Instant(seconds: 1_800_000_000)

private func draft(
    _ credentials: [String: JSONValue],
    id: ProviderEntryID? = nil,
    provider: String = "stripe",
    channel: String = "payments"
) -> ProviderEntryDraft {
    ProviderEntryDraft(
        id: id,
        channel: channel,
        provider: provider,
        position: 0,
        credentials: credentials,
        pointer: "/\(channel)/primary"
    )
}

private func entries(
    _ drafts: [ProviderEntryDraft],
    replacing stored: [ProviderEntry] = [],
    version: Int64 = 1,
    at time: Instant = now
) throws(Problem) -> [ProviderEntry] {
    try ProviderConfigDraft(drafts, of: shapes).entries(
        replacing: stored,
        version: version,
        by: "u1",
        at: time
    ) { credentials in
        String(describing: credentials.unredacted.sorted { $0.key < $1.key })
    }
}

private func problem(_ body: () throws(Problem) -> [ProviderEntry]) -> Problem? {
    do throws(Problem) { _ = try body() } catch { return error }
    return nil
}

@Suite("Credential shapes")
struct CredentialShapeTests {
    @Test func `all faults are told at once`() {
        let faults = problem { () throws(Problem) in
            try entries([draft(["publishableKey": 7, "extra": "x", "secretKey": ""])])
        }?.errors.map { "\($0.pointer ?? ""): \($0.detail)" }
        #expect(
            faults == [
                "/payments/primary/credentials/secretKey: must not be empty",
                "/payments/primary/credentials/publishableKey: must be a text",
                "/payments/primary/credentials/webhookSecret: is required",
                "/payments/primary/credentials/extra: is not a known key of stripe",
            ]
        )
        #expect(
            problem { () throws(Problem) in try entries([draft([:], provider: "paypol")]) }?.errors.first?.pointer
                == "/payments/primary/provider"
        )
    }

    @Test(
        arguments: [
            (["accountSid": "AC1", "authToken": "t", "fromNumber": "+49301"], true),
            (["accountSid": "AC1", "authToken": "t", "messagingServiceSid": "MG1"], true),
            (["accountSid": "AC1", "authToken": "t"], false),
            (["accountSid": "AC1", "authToken": "t", "fromNumber": "+49301", "messagingServiceSid": "MG1"], false),
            (["accountSid": "AC1", "authToken": "a\nb", "fromNumber": "+49301"], false),
        ] as [([String: JSONValue], Bool)]
    )
    func `one of a group is needed, and no control characters`(credentials: [String: JSONValue], isValid: Bool) {
        let found = problem { () throws(Problem) in
            try entries([draft(credentials, provider: "twilio", channel: "sms")])
        }
        #expect((found == nil) == isValid)
    }

    @Test func `a document may be an object, a rotating secret a list of two`() throws {
        _ = try entries([draft(["serviceAccount": ["type": "service_account"]], provider: "fcm", channel: "push")])
        var rotating = stripe
        rotating["webhookSecret"] = ["whsec_abcdefghijkl", "whsec_mnopqrstuvwx"]
        let entry = try #require(try entries([draft(rotating)]).first)
        #expect(
            entry.webhookSecrets("webhookSecret", at: now).map(\.unredacted) == [
                "whsec_abcdefghijkl", "whsec_mnopqrstuvwx",
            ]
        )
        rotating["webhookSecret"] = ["a", "b", "c"]
        #expect(problem { () throws(Problem) in try entries([draft(rotating)]) } != nil)
    }
}

@Suite("Drafts")
struct ProviderConfigDraftTests {
    @Test func `secrets are masked, and nothing prints them`() throws {
        let entry = try #require(try entries([draft(stripe)]).first)
        #expect(
            shapes.masked(entry) == [
                "secretKey": "••••6789", "publishableKey": "pk_test_1", "webhookSecret": "••••ijkl",
            ]
        )
        var printed = "\(entry.credentials) \(String(reflecting: entry.credentials))"
        dump(entry.credentials, to: &printed)
        #expect(!printed.contains("sk_test"))
        #expect(Mask.masked("short") == "••••")
    }

    @Test func `a masked secret keeps the stored value of its entry`() throws {
        let first = try #require(try entries([draft(stripe)]).first)
        let again = try #require(
            try entries([draft(shapes.masked(first), id: first.id)], replacing: [first], version: 2).first
        )
        #expect(again == first)
        var changed = shapes.masked(first)
        changed["publishableKey"] = "pk_test_2"
        let second = try #require(try entries([draft(changed, id: first.id)], replacing: [first], version: 2).first)
        #expect(second.id == first.id && second.version == 2)
        #expect(second.credentials.text("secretKey") == "sk_test_0123456789")
        #expect(second.fingerprint != first.fingerprint)
    }

    /// The server of a region, or another port, is the same one's; who names another host, or asks for no protection, gets nothing.
    @Test(arguments: [
        ("region", "us", true), ("port", "465", true), ("security", "tls", true), ("security", "none", false),
        ("host", "mail.evil.example", false),
    ])
    func `a masked secret goes the way that the stored one went`(key: String, value: String, isKept: Bool) throws {
        let stored: [String: JSONValue] = [
            "secretKey": "sk_test_0123456789", "region": "eu", "port": "587", "security": "starttls",
            "host": "mail.clinic.example",
        ]
        var changed = stored
        changed[key] = .string(value)
        #expect(CredentialShape.isSameWay(changed, stored) == isKept)
        #expect(!CredentialShape.isSameWay(stored, nil))
    }

    @Test func `a masked secret without a stored value is missing`() throws {
        let first = try #require(try entries([draft(stripe)]).first)
        var elsewhere = shapes.masked(first)
        elsewhere["endpoint"] = "https://evil.example"
        var foreign = shapes.masked(first)
        foreign["secretKey"] = "••••9999"
        for (credentials, id) in [(elsewhere, first.id), (foreign, first.id), (elsewhere, nil), (foreign, nil)] {
            let found = problem { () throws(Problem) in
                try entries([draft(credentials, id: id)], replacing: [first], version: 2)
            }
            #expect(
                found?.status == 422 && found?.code == "secret_missing",
                "\(found.map { "\($0.errors)" } ?? "none")"
            )
        }
        let second = problem { () throws(Problem) in
            try entries(
                [draft(shapes.masked(first), id: first.id), draft(shapes.masked(first))],
                replacing: [first],
                version: 2
            )
        }
        #expect(second?.code == "secret_missing")
        let unknown = problem { () throws(Problem) in
            try entries([draft(stripe, id: ProviderEntryID())], replacing: [first])
        }
        #expect(unknown?.code == "invalid" && unknown?.errors.first?.pointer == "/payments/primary/id")
    }

    @Test func `without ids the entries of before are meant, each once`() throws {
        var other = stripe
        other["publishableKey"] = "pk_test_2"
        let first = try entries([draft(stripe), draft(other)])
        let again = try entries(
            [draft(shapes.masked(first[0])), draft(shapes.masked(first[1]))],
            replacing: first,
            version: 2
        )
        #expect(again == first)
        // Who is named is not taken by somebody else.
        let swapped = try entries([draft(stripe), draft(other, id: first[0].id)], replacing: first, version: 2)
        #expect(swapped.map(\.id) == [first[1].id, first[0].id])
        let more = try entries([draft(stripe), draft(other), draft(stripe)], replacing: first, version: 2)
        #expect(Array(more.prefix(2)) == first && !first.map(\.id).contains(more[2].id))
        let elsewhere = try entries(
            [
                draft(
                    ["accountSid": "AC1", "authToken": "t", "fromNumber": "+49301"],
                    provider: "twilio",
                    channel: "sms"
                )
            ],
            replacing: first,
            version: 2
        )
        #expect(!first.map(\.id).contains(elsewhere[0].id))
    }

    @Test(arguments: [true, false]) func `a replaced webhook secret stays valid for a day`(isNamed: Bool) throws {
        let first = try #require(try entries([draft(stripe)]).first)
        var renewed = shapes.masked(first)
        renewed["webhookSecret"] = "whsec_mnopqrstuvwx"
        let named = draft(renewed, id: isNamed ? first.id : nil)
        let second = try #require(try entries([named], replacing: [first], version: 2).first)
        let day = ProviderConfigDraft.formerSecretsLast
        #expect(
            second.webhookSecrets("webhookSecret", at: now).map(\.unredacted) == [
                "whsec_mnopqrstuvwx", "whsec_abcdefghijkl",
            ]
        )
        #expect(second.webhookSecrets("webhookSecret", at: now + day).map(\.unredacted) == ["whsec_mnopqrstuvwx"])
    }

    @Test func `of many replaced webhook secrets the newest are kept, each once`() throws {
        var entry = try #require(try entries([draft(stripe)]).first)
        var seconds = 0
        func rotate(to secret: String) throws {
            seconds += 1
            var renewed = shapes.masked(entry)
            renewed["webhookSecret"] = .string(secret)
            let drafts = [draft(renewed, id: entry.id)]
            entry = try #require(
                try entries(drafts, replacing: [entry], version: Int64(seconds + 1), at: now + .seconds(seconds)).first
            )
        }
        func valid() -> [String] {
            entry.webhookSecrets("webhookSecret", at: now + .seconds(seconds)).map(\.unredacted)
        }
        for number in 1...10 { try rotate(to: "whsec_rotated_\(number)") }
        #expect(entry.formerSecrets.count == ProviderEntry.mostFormerSecrets)
        #expect(valid() == [10, 6, 7, 8, 9].map { "whsec_rotated_\($0)" })
        for number in [9, 10, 9, 10] { try rotate(to: "whsec_rotated_\(number)") }
        #expect(valid() == [10, 6, 7, 8, 9].map { "whsec_rotated_\($0)" })
    }
}
