import Contracts
import Core

/// The sandbox's own paths, and the way to the providers.
struct FrontDesk: Sendable {
    let providers: [any SandboxProvider]
    let faults: Faults
    let messages: MessageStore
    /// Names that take faults without being reached by HTTP.
    let others: [String]

    func answer(_ request: SandboxRequest) async -> SandboxReply {
        let parts = request.path.split(separator: "/").map(String.init)
        if let provider = providers.first(where: { $0.name == parts.first }) {
            return await call(provider, request, "/" + parts.dropFirst().joined(separator: "/"))
        }
        switch (request.method, parts.first, parts.count) {
        case ("GET", nil, _):
            let base = "http://\(request.headers["host"] ?? "localhost")"
            return .html(InboxPage.html(messages.all, payments, endpoints: providers.map { "\(base)/\($0.name)" }))
        case ("GET", "health", 2): return .json(200, ["status": "live"])
        case ("GET", "messages", 1): return .json(200, ["items": .array(wantedMessages(request))])
        case ("GET", "messages", 2):
            return messages.all.last { $0.id == parts[1] }.map { .json(200, $0.json) } ?? Self.notFound
        case ("DELETE", "messages", 1):
            messages.clear()
            return SandboxReply(204)
        case ("GET", "payments", 1): return .json(200, ["items": .array(payments)])
        case ("GET", "payments", 2):
            return payments.first { Self.names($0, parts[1]) }.map { .json(200, $0) } ?? Self.notFound
        case ("GET", "pay", 2):
            guard let payment = payments.first(where: { Self.names($0, parts[1]) }) else { return Self.notFound }
            return .html(PaymentPage.html(payment))
        case ("POST", "payments", 3): return await act(parts[1], parts[2], request)
        case (_, "faults", _): return fault(request, parts.count == 2 ? parts[1] : nil)
        case (_, "webhooks", 2...): return await webhooks(request, parts)
        default: return Self.notFound
        }
    }

    static let notFound = SandboxReply.problem(404, "There is nothing here.")

    // MARK: - Providers

    private func call(_ provider: any SandboxProvider, _ request: SandboxRequest, _ path: String) async -> SandboxReply
    {
        guard let fault = faults.next(provider.name) else { return await provider.answer(request, path: path) }
        switch fault.kind {
        case .down: return failure(503, of: provider, fault)
        case .failing: return failure(500, of: provider, fault)
        case .throttled: return failure(429, of: provider, fault)
        case .reset: return .dropped
        case .lostReply:
            _ = await provider.answer(request, path: path)
            return .dropped
        case .stall:
            _ = await provider.answer(request, path: path)
            try? await Task.sleep(for: Fault.stall)
            return .dropped
        case .slow:
            try? await Task.sleep(for: fault.delay)
            return await provider.answer(request, path: path)
        }
    }

    private func failure(_ status: Int, of provider: any SandboxProvider, _ fault: Fault) -> SandboxReply {
        var reply = provider.failure(status)
        guard let seconds = fault.retryAfter else { return reply }
        reply.headers.removeAll { $0.0.lowercased() == "retry-after" }
        reply.headers.append(("Retry-After", "\(seconds)"))
        return reply
    }

    private func fault(_ request: SandboxRequest, _ name: String?) -> SandboxReply {
        let known = providers.map(\.name) + others
        guard let name else {
            guard request.method == "GET" else { return .problem(405, "Faults are set one provider at a time.") }
            return .json(200, .object(Dictionary(uniqueKeysWithValues: known.map { ($0, json(faults[$0])) })))
        }
        guard known.contains(name) else {
            return .problem(404, "There is no provider \"\(name)\"; there are \(known.joined(separator: ", ")).")
        }
        switch request.method {
        case "GET": return faults[name].map { .json(200, json($0)) } ?? Self.notFound
        case "DELETE":
            faults.set(nil, for: name)
            return SandboxReply(204)
        case "PUT":
            guard let tape = try? JSONTape(request.body), let fault = try? tape.decode(Fault.self) else {
                let kinds = Fault.Kind.allCases.map(\.rawValue).joined(separator: ", ")
                return .problem(
                    422,
                    "Say {\"kind\", \"times\"?, \"rate\"?, \"delayMs\"?, \"retryAfter\"?}; kind is one of \(kinds)."
                )
            }
            if let complaint = fault.complaint { return .problem(422, complaint) }
            faults.set(fault, for: name)
            return .json(200, json(fault))
        default: return .problem(405, "GET, PUT or DELETE.")
        }
    }

    private func json(_ fault: Fault?) -> JSONValue {
        guard let fault else { return .null }
        var members: [String: JSONValue] = ["kind": .string(fault.kind.rawValue)]
        if let times = fault.times { members["times"] = .integer(Int64(times)) }
        if let rate = fault.rate { members["rate"] = .number(rate) }
        if let delay = fault.delayMs { members["delayMs"] = .integer(Int64(delay)) }
        if let seconds = fault.retryAfter { members["retryAfter"] = .integer(Int64(seconds)) }
        return .object(members)
    }

    // MARK: - Messages and payments

    /// All, the newest first; `?to=`, `?subject=` and `?provider=` narrow them down.
    private func wantedMessages(_ request: SandboxRequest) -> [JSONValue] {
        let wanted = Dictionary(request.query) { first, _ in first }
        return messages.all.reversed().filter { message in
            (wanted["to"].map { message.to.contains($0) } ?? true)
                && (wanted["subject"].map { message.subject == $0 } ?? true)
                && (wanted["provider"].map { message.provider == $0 } ?? true)
        }.prefix(wanted["limit"].flatMap(Int.init).map { max($0, 0) } ?? .max).map(\.json)
    }

    private var payments: [JSONValue] { providers.compactMap(\.payments).flatMap(\.list) }

    /// By the provider's id, or by the payment's id that the caller put into it.
    private static func names(_ payment: JSONValue, _ id: String) -> Bool {
        payment["id"]?.string == id || payment["reference"]?.string == id
    }

    private func act(_ id: String, _ action: String, _ request: SandboxRequest) async -> SandboxReply {
        guard let action = PayerAction(rawValue: action) else { return Self.notFound }
        let form = FormBody.parse(request.body).map { Dictionary($0.map { ($0.name, $0.value) }) { first, _ in first } }
        let secret = request.json?["clientSecret"]?.string ?? form?["clientSecret"]
        for payments in providers.compactMap(\.payments) {
            guard let reply = await payments.act(action, on: id, clientSecret: secret) else { continue }
            // The page's buttons lead back to the page.
            let isPage = request.headers["content-type"]?.hasPrefix("application/x-www-form-urlencoded") == true
            return isPage && reply.status == 200 ? SandboxReply(303, headers: [("Location", "/pay/\(id)")]) : reply
        }
        return Self.notFound
    }

    // MARK: - Webhooks

    /// Lets a provider tell what somebody says has become of a message.
    private func tell(_ request: SandboxRequest, _ provider: any SandboxProvider) -> SandboxReply {
        let body = request.json
        guard let kind = body?["kind"]?.string.flatMap({ MailEvent(rawValue: $0) }), let name = body?["message"]?.string
        else {
            let kinds = MailEvent.allCases.map(\.rawValue).joined(separator: ", ")
            return .problem(422, "Say {\"message\", \"kind\", \"recipients\"?}; kind is one of \(kinds).")
        }
        let found = messages.all.last {
            $0.provider == provider.name && ($0.id == name || $0.reference == name || $0.to.contains(name))
        }
        guard let message = found else { return .problem(404, "\(provider.name) has taken no such message.") }
        var recipients = message.to
        if case .array(let wanted) = body?["recipients"] { recipients = wanted.compactMap(\.string) }
        guard provider.tell(kind, of: message, to: recipients) else {
            return .problem(409, "\(provider.name) does not tell of \(kind.rawValue).")
        }
        return .json(200, ["message": .string(message.id), "kind": .string(kind.rawValue)])
    }

    private func webhooks(_ request: SandboxRequest, _ parts: [String]) async -> SandboxReply {
        guard let provider = providers.first(where: { $0.name == parts[1] }), let sender = provider.webhooks else {
            return .problem(404, "\(parts[1]) sends no webhooks here.")
        }
        switch (request.method, parts.count, parts.last) {
        case ("GET", 2, _): return .json(200, ["items": .array(sender.endpoints.map(\.json))])
        case ("DELETE", 2, _):
            sender.removeAll()
            return SandboxReply(204)
        case ("PUT", 2, _):
            guard let url = request.json?["url"]?.string,
                let endpoint = provider.subscribe(url, request.json?["secret"]?.string, request)
            else { return .problem(422, "Say {\"url\", \"secret\"?} with an http or https address.") }
            return .json(200, endpoint.json)
        case ("POST", 3, "replay"):
            let body = request.json
            let times = body?["times"] ?? body?["count"] ?? .integer(1)
            guard case .integer(let times) = times, (1...1_000).contains(times) else {
                return .problem(422, "times must be from 1 to 1000.")
            }
            guard let answers = await sender.replay(Int(times), event: body?["event"]?.string) else {
                return .problem(409, "There is no such event to send again, or nowhere to send it.")
            }
            return .json(
                200,
                ["sent": .integer(Int64(answers.count)), "answers": .array(answers.map { .integer(Int64($0)) })]
            )
        case ("POST", 3, "events"): return tell(request, provider)
        case ("GET", 3, "events"): return .json(200, ["items": .array(sender.events)])
        default: return Self.notFound
        }
    }
}
