import CommunicationAPI
import Contracts
import Core
import Jobs
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// What messages cost, where their provider tells it.
@Suite(.timeLimit(.minutes(2))) struct CostTests {
    private static let prices: [(String?, String?, MessageCost?)] = [
        ("-0.00750", "USD", MessageCost(micros: 7_500, currency: "USD")),
        ("0.0079", "usd", MessageCost(micros: 7_900, currency: "USD")),
        ("-12", "EUR", MessageCost(micros: 12_000_000, currency: "EUR")),
        ("-0.000001", "INR", MessageCost(micros: 1, currency: "INR")),
        (nil, "USD", nil), ("-0.1", nil, nil), ("-0.1", "DOLLARS", nil), ("-0.1", "U$D", nil), ("", "USD", nil),
        ("-", "USD", nil), ("-0.", "USD", nil), (".5", "USD", nil), ("--1", "USD", nil), ("-0.0000001", "USD", nil),
        ("1e3", "USD", nil), ("9999999999", "USD", nil),
    ]

    @Test(arguments: prices.indices) func pricesAreReadExactly(place: Int) {
        let (price, currency, cost) = Self.prices[place]
        #expect(MessageCost(price: price, currency: currency) == cost)
    }

    /// As Twilio's documentation shows a page, and with a next page of somewhere else.
    @Test(arguments: [
        ("/2010-04-01/Accounts/AC1/Messages.json?PageSize=2&Page=1", true),
        ("/2010-04-01/Accounts/AC2/Messages.json?PageSize=2&Page=1", false), ("https://elsewhere.example/page", false),
    ]) func aPageLeadsToItsOwnList(next: String, isFollowed: Bool) {
        let page = TwilioMessages.page(
            of: [
                "messages": [
                    ["sid": "SM1", "price": "-0.00750", "price_unit": "USD"],
                    ["sid": "SM2", "price": .null, "price_unit": "USD"],
                ],
                "next_page_uri": .string(next),
            ],
            under: "/2010-04-01/Accounts/AC1/Messages.json"
        )
        #expect(page.costs == ["SM1": MessageCost(micros: 7_500, currency: "USD")])
        #expect(page.next == (isFollowed ? next : nil))
    }

    private func text(_ clinic: TestClinic) async throws -> MessageID {
        let number = PhoneNumber("+4915\(Int.random(in: 100_000_000...999_999_999))")
        return try await clinic.send(
            MessageDraft(
                to: RecipientDraft(phone: number),
                channels: [.sms],
                content: MessageContent(text: "See you at 10:30")
            )
        )
    }

    private func jobs(_ clinic: TestClinic) async throws -> Int {
        let id = clinic.clinic
        return try await clinic.desk.database.inspect(
            "select count(*) from jobs where clinic_id = \(id) and handler = \(CostsJob.name)"
        ) { try $0[0][0] }
    }

    @Test func theProviderIsAskedOnceForAllOfThem() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, other) = (try TestClinic(), try TestClinic())
            for clinic in [clinic, other] {
                try await clinic.configure(sms: [.texts("twilio", at: sandbox.url("twilio"))])
            }
            let ids = try await [text(clinic), text(clinic)]
            for id in ids { #expect(try await clinic.settled(id).attempts.first?.cost == nil) }
            let elsewhere = try await text(other)
            _ = try await other.settled(elsewhere)
            #expect(try await jobs(clinic) == 1, "one job asks for all")

            let entry = try #require(
                try await clinic.desk.sending.resolver.resolve(clinic.clinic, channel: "sms").entries.first
            )
            var versions: [Int64] = []
            for id in ids { versions.append(try await clinic.version(of: id)) }
            // What is due in an hour, now.
            try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
                _ = try Jobs.enqueue(CostsJob.self, payload: .init(entry: entry.id, channel: "sms"), in: tx)
            }
            let cost = MessageCost(micros: 7_500, currency: "USD")
            for id in ids {
                try await eventually("what the message cost") {
                    try await clinic.message(id).attempts.first?.cost == cost
                }
            }
            for (id, version) in zip(ids, versions) { #expect(try await clinic.version(of: id) == version + 1) }
            // Told again it is no news.
            let told = try #require(try await clinic.message(ids[0]).attempts.first?.providerMessageId)
            try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
                CostStore.keep([told: cost], of: entry.id, at: .now(), in: tx)
            }
            #expect(try await clinic.version(of: ids[0]) == versions[0] + 1)
            #expect(try await other.message(elsewhere).attempts.first?.cost == nil)

            let now = Instant.now()
            for by in AnalyticsDimension.allCases {
                let request = AnalyticsRequest(
                    from: .time(now - .seconds(3_600)),
                    to: .time(now + .seconds(3_600)),
                    by: by
                )
                let answer = try await clinic.ask(MessageDesk.endpoints.analytics.read, request)
                let items = try #require(answer.output?.items)
                #expect(items.flatMap(\.costs) == [MessageCost(micros: 15_000, currency: "USD")])
            }
        }
    }

    @Test func whoTellsNothingIsNotAsked() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(sms: [.texts("aws_sns", at: sandbox.url("aws_sns"))])
            _ = try await clinic.settled(try await text(clinic))
            #expect(try await jobs(clinic) == 0)
        }
    }
}
