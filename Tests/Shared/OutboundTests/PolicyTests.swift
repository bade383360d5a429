import Outbound
import Testing

@Suite struct PolicyTests {
    @Test(arguments: [
        ("127.0.0.1", IPAddress.Reach.loopback), ("127.255.255.254", .loopback), ("::1", .loopback),
        ("::ffff:127.0.0.1", .loopback), ("64:ff9b::7f00:1", .loopback), ("10.0.0.1", .inside), ("172.16.0.1", .inside),
        ("172.31.255.255", .inside), ("172.32.0.1", .public), ("192.168.1.1", .inside), ("169.254.169.254", .inside),
        ("100.64.0.1", .inside), ("0.0.0.0", .inside), ("::", .inside), ("fe80::1%eth0", .inside),
        ("fd00:ec2::254", .inside),
        ("::ffff:10.0.0.1", .inside), ("2002:a00:1::", .inside), ("2001:0:1::1", .inside), ("224.0.0.1", .inside),
        ("255.255.255.255", .inside), ("8.8.8.8", .public), ("2a00:1450:4001::1", .public),
        ("[2606:4700::1111]", .public),
    ])
    func whereAnAddressLies(text: String, reach: IPAddress.Reach) throws {
        #expect(try #require(IPAddress(text)).reach == reach)
    }

    @Test(arguments: ["", "localhost", "1.2.3", "127.1", "0x7f000001", "2130706433", "1.2.3.4.5", "::g", "[::1"])
    func whatIsNoAddress(text: String) { #expect(IPAddress(text) == nil) }

    private typealias Case = (rules: String?, host: String, encrypted: Bool, error: OutboundError?)

    @Test func hosts() throws {
        let cases: [Case] = [
            (nil, "smtp.example.com", true, nil), (nil, "smtp.example.com", false, .unencrypted),
            (nil, "127.0.0.1", true, .addressNotAllowed), (nil, "localhost", true, .addressNotAllowed),
            (nil, "169.254.169.254", true, .addressNotAllowed), (nil, "2130706433", true, .unknownHost),
            (nil, "127.1", true, .unknownHost), (nil, "0x7f.1", true, .unknownHost),
            (nil, "a\r\nb.example", true, .unknownHost),
            (nil, "8.8.8.8", true, nil), (nil, "8.8.8.8", false, .unencrypted), ("loopback", "127.0.0.1", false, nil),
            ("loopback", "localhost", false, nil), ("loopback", "10.0.0.1", true, .addressNotAllowed),
            ("loopback", "8.8.8.8", true, .addressNotAllowed), ("public,loopback", "8.8.8.8", true, nil),
            ("10.1.0.0/16", "10.1.2.3", false, nil), ("10.1.0.0/16", "10.2.2.3", true, .addressNotAllowed),
            ("public", "[::1]", true, .addressNotAllowed), ("fd00::/8", "fd12::1", true, nil),
        ]
        for (rules, host, encrypted, expected) in cases {
            let policy = try OutboundPolicy(allow: rules)
            var found: OutboundError?
            do { try policy.check(host: host, encrypted: encrypted) } catch { found = error }
            #expect(found == expected, "\(rules ?? "-") \(host) \(encrypted)")
        }
    }

    @Test func customEndpoints() throws {
        let cases: [(rules: String?, url: String, error: OutboundError?)] = [
            (nil, "https://api.zeptomail.in", .hostNotAllowed), ("public", "https://api.zeptomail.in/v1.1", nil),
            ("api.zeptomail.in", "https://API.zeptomail.in", nil), ("*.zeptomail.in", "https://api.zeptomail.in", nil),
            ("*.zeptomail.in", "https://zeptomail.in", .hostNotAllowed),
            ("*.zeptomail.in", "https://evilzeptomail.in", .hostNotAllowed),
            ("api.zeptomail.in", "http://api.zeptomail.in", .unencrypted),
            ("loopback", "http://127.0.0.1:9/v1", nil), ("loopback", "http://localhost:9", nil),
            ("public", "http://127.0.0.1:9/v1", .addressNotAllowed), ("public", "ftp://example.com", .malformedURL),
            ("public", "https://user:pass@example.com", .malformedURL), ("public", "https://", .malformedURL),
            ("public", "https://example.com\\@127.0.0.1/", .malformedURL),
            ("public", "https://exa mple.com", .malformedURL),
            ("public", "https://example.com/#x", .malformedURL), ("public", "not a url", .malformedURL),
            ("public", "https://example.com/?x=1", .malformedURL), ("public", "https://example.com?", .malformedURL),
            ("public", "https://1.1.1.1:99999/", .malformedURL), ("public", "https://1.1.1.1:65536", .malformedURL),
            ("public", "https://1.1.1.1:0", .malformedURL), ("public", "https://1.1.1.1:-1", .malformedURL),
            ("public", "https://1.1.1.1:18446744073709551617", .malformedURL),
            ("public", "https://1.1.1.1:65535/", nil),
        ]
        for (rules, url, expected) in cases {
            let policy = try OutboundPolicy(allow: rules)
            var found: OutboundError?
            do { try policy.check(endpoint: url) } catch { found = error }
            #expect(found == expected, "\(rules ?? "-") \(url)")
        }
    }

    @Test(arguments: [
        ("smtp://mail.example.com", false, "mail.example.com", 587),
        ("smtps://mail.example.com", true, "mail.example.com", 465),
        ("SMTP://Mail.example.com:2525/", false, "Mail.example.com", 2_525), ("smtps://[::1]:465", true, "::1", 465),
    ])
    func mailServersAsURLs(text: String, isEncrypted: Bool, host: String, port: Int) throws {
        let endpoint = try SMTPEndpoint(text)
        #expect(endpoint.isEncrypted == isEncrypted && endpoint.host == host && endpoint.port == port)
    }

    @Test(arguments: [
        "https://mail.example.com", "mail.example.com:25", "smtp://", "smtp:mail.example.com",
        "smtp://u@mail.example.com",
        "smtp://u:p@mail.example.com", "smtp://mail.example.com/clinic", "smtp://mail.example.com?x=1",
        "smtp://mail.example.com#x", "smtp://mail.example.com:0", "smtp://mail.example.com:70000",
        "smtp://mail.example.com\\@127.0.0.1", "smtp://mail.exa mple.com", "smtp://m\u{FC}nchen.example", "",
    ])
    func noMailServers(text: String) {
        #expect(throws: OutboundError.malformedMailServer) { try SMTPEndpoint(text) }
    }

    @Test func mailServersInPlaceOfOthersAreTheOperatorsToName() throws {
        let cases: [(rules: String?, url: String, encrypted: Bool, error: OutboundError?)] = [
            (nil, "smtps://mail.example.com", true, .hostNotAllowed), ("public", "smtp://mail.example.com", true, nil),
            ("mail.example.com", "smtp://MAIL.example.com:25", true, nil),
            ("mail.example.com", "smtp://mail.example.com", false, .unencrypted),
            ("loopback", "smtp://127.0.0.1:1025", false, nil),
            ("public", "smtp://127.0.0.1:1025", true, .addressNotAllowed),
            ("public", "smtps://[::ffff:169.254.169.254]", true, .addressNotAllowed),
        ]
        for (rules, url, encrypted, expected) in cases {
            let (policy, endpoint) = (try OutboundPolicy(allow: rules), try SMTPEndpoint(url))
            var found: OutboundError?
            do { try policy.check(endpoint: endpoint, encrypted: encrypted) } catch { found = error }
            #expect(found == expected, "\(rules ?? "-") \(url)")
        }
    }

    @Test func mailServersAreHeldToTheHostsThatAreNamed() throws {
        let cases: [Case] = [
            (nil, "smtp.example.com", true, nil), ("public", "smtp.example.com", true, nil),
            ("smtp.example.com", "SMTP.example.com", true, nil), ("*.example.com", "smtp.example.com", true, nil),
            ("smtp.example.com", "smtp.example.org", true, .hostNotAllowed),
            ("smtp.example.com", "8.8.8.8", true, .hostNotAllowed),
            ("smtp.example.com,public", "smtp.example.org", true, nil),
            ("smtp.example.com,10.1.0.0/16", "10.1.2.3", false, nil),
            ("smtp.example.com,10.1.0.0/16", "mail.inside", false, .hostNotAllowed),
            ("10.1.0.0/16", "mail.inside", false, nil), ("smtp.example.com,loopback", "localhost", false, nil),
            ("smtp.example.com", "smtp.example.com", false, .unencrypted),
        ]
        for (rules, host, encrypted, expected) in cases {
            let policy = try OutboundPolicy(allow: rules)
            var found: OutboundError?
            do { try policy.check(server: host, encrypted: encrypted) } catch { found = error }
            #expect(found == expected, "\(rules ?? "-") \(host) \(encrypted)")
            // Providers' own hosts are nobody's choice.
            #expect(throws: Never.self) { try policy.check(host: "api.provider.example", encrypted: true) }
        }
    }

    @Test func aNameThatLeadsInsideIsRefusedWhenResolved() async throws {
        // `localhost` by way of the resolver: the name check is passed by a rule, the address is not.
        let policy = try OutboundPolicy(allow: "public")
        await #expect(throws: OutboundError.addressNotAllowed) {
            try await policy.resolve(host: "localhost", encrypted: true)
        }
        let open = try OutboundPolicy(allow: "loopback")
        let addresses = try await open.resolve(host: "localhost", encrypted: false)
        #expect(!addresses.isEmpty && addresses.allSatisfy { $0.reach == .loopback })
    }

    @Test(arguments: ["loopback,bad host!", "https://x", "10.0.0.0/33", "*"])
    func unreadableRules(rules: String) {
        #expect(throws: OutboundError.self) { try OutboundPolicy(allow: rules) }
    }
}
