import CommunicationAPI
import Contracts
import Core
import Outbound

/// What Twilio's messages cost: in the list of an account's messages, once a price is known.
extension TwilioMessages {
    /// The most that a page may hold.
    private static let pageSize = 1_000

    func costs(since day: CalendarDate, page: String?, deadline: Deadline) async throws(OutboundFailure) -> CostPage {
        let first = "\(listPath)?DateSent%3E=\(day)&PageSize=\(Self.pageSize)"
        let response = try await fetch(page ?? first, deadline: deadline)
        guard response.status == 200, let answer = try? JSONTape(response.body).decode(JSONValue.self) else {
            return CostPage()
        }
        return Self.page(of: answer, under: listPath)
    }

    /// Reads a page; the next one is asked for only where it is of the same list.
    static func page(of answer: JSONValue, under path: String) -> CostPage {
        var page = CostPage()
        guard case .array(let messages)? = answer["messages"] else { return page }
        for message in messages {
            guard let id = message["sid"]?.string,
                let cost = MessageCost(price: message["price"]?.string, currency: message["price_unit"]?.string)
            else { continue }
            page.costs[id] = cost
        }
        page.next = answer["next_page_uri"]?.string.flatMap { $0.hasPrefix("\(path)?") ? $0 : nil }
        return page
    }
}

extension TwilioSMSProvider: CostTeller {
    func costs(since day: CalendarDate, page: String?, deadline: Deadline) async throws(OutboundFailure) -> CostPage {
        try await messages.costs(since: day, page: page, deadline: deadline)
    }
}

extension TwilioWhatsAppProvider: CostTeller {
    func costs(since day: CalendarDate, page: String?, deadline: Deadline) async throws(OutboundFailure) -> CostPage {
        try await messages.costs(since: day, page: page, deadline: deadline)
    }
}
