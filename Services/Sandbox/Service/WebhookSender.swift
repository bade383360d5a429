import AsyncHTTPClient
import Contracts
import Core
import DequeModule
import NIOCore
import NIOHTTP1
import Synchronization

/// Tells registered addresses what happened, signs each delivery anew, and tries again until somebody says 2xx.
final class WebhookSender: Sendable {
    struct Endpoint: Sendable {
        let id: String
        let url: String
        let secret: String
        /// The account whose events it gets; `nil` for all.
        let account: String?
        let at: Instant
        /// Whether it gets events: some providers ask first whether it wants them.
        var isConfirmed = true

        var json: JSONValue {
            ["id": .string(id), "url": .string(url), "secret": .string(secret), "confirmed": .bool(isConfirmed)]
        }
    }

    struct Event: Sendable {
        let id: String
        let type: String
        let account: String
        /// The clinic it concerns, when its object names one.
        let clinic: String?
        let body: [UInt8]
        /// Where it goes in place of the registered addresses, when the one it tells of has named a place for it.
        var place: Place?
    }

    /// An address that one event goes to, and the headers it goes with; they are the same for each try.
    struct Place: Sendable {
        let url: String
        let contentType: String
        let headers: [(String, String)]
    }

    /// What goes out: the event's body, or what it is wrapped in, and the headers of its signature.
    struct Delivery: Sendable {
        var headers: [(String, String)] = []
        var contentType = "application/json; charset=utf-8"
        var body: [UInt8]
    }

    /// How a delivery is made of an event.
    typealias Wrap = @Sendable (_ secret: String, _ event: Event, _ at: Instant) -> Delivery
    /// How a body is signed: headers from secret, body and time.
    typealias Sign = @Sendable (_ secret: String, _ body: [UInt8], _ at: Instant) -> [(String, String)]

    static let mostEndpoints = 100
    static let mostEvents = 5_000
    static let timeout: TimeAmount = .seconds(10)
    /// Waits between the tries of one delivery.
    static let waits: [Duration] = [
        .milliseconds(200), .seconds(1), .seconds(2), .seconds(5), .seconds(10), .seconds(20), .seconds(30),
        .seconds(60),
    ]

    private struct State {
        var endpoints: [Endpoint] = []
        var events: Deque<Event> = []
    }

    private let secretDefault: String
    private let path: String
    private let publicURL: String?
    private let wrap: Wrap
    private let state = Mutex(State())
    private let deliveries: AsyncStream<(Event, Endpoint)>
    private let deliver: AsyncStream<(Event, Endpoint)>.Continuation

    /// - Parameters:
    ///   - path: where a clinic's notices go under the installation's address, before the clinic's id.
    init(secretDefault: String, path: String, publicURL: String?, wrap: @escaping Wrap) {
        self.secretDefault = secretDefault
        self.path = path
        self.publicURL = publicURL
        self.wrap = wrap
        (deliveries, deliver) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.mostEvents))
    }

    /// For providers that sign the event's body and send it as it is.
    convenience init(secretDefault: String, path: String, publicURL: String?, sign: @escaping Sign) {
        self.init(secretDefault: secretDefault, path: path, publicURL: publicURL) { secret, event, at in
            Delivery(headers: sign(secret, event.body, at), body: event.body)
        }
    }

    var endpoints: [Endpoint] { state.withLock { $0.endpoints } }
    var events: [JSONValue] {
        state.withLock { $0.events }.suffix(200).reversed().map { ["id": .string($0.id), "type": .string($0.type)] }
    }

    /// Registers an address, or renews its secret; `nil` when it is none.
    @discardableResult
    func add(_ url: String, _ secret: String?, account: String? = nil, isConfirmed: Bool = true) -> Endpoint? {
        guard url.hasPrefix("http://") || url.hasPrefix("https://"), url.utf8.count <= 2_048 else { return nil }
        let endpoint = Endpoint(
            id: "we_\(RandomText.make(24))",
            url: url,
            secret: secret ?? secretDefault,
            account: account,
            at: .now(),
            isConfirmed: isConfirmed
        )
        state.withLock { state in
            state.endpoints.removeAll { $0.url == url && $0.account == account }
            state.endpoints.append(endpoint)
            if state.endpoints.count > Self.mostEndpoints { state.endpoints.removeFirst() }
        }
        return endpoint
    }

    /// Lets an address get events; `false` when there is none of this id.
    func confirm(_ id: String) -> Bool {
        state.withLock { state in
            guard let index = state.endpoints.firstIndex(where: { $0.id == id }) else { return false }
            state.endpoints[index].isConfirmed = true
            return true
        }
    }

    func remove(_ id: String) { state.withLock { $0.endpoints.removeAll { $0.id == id } } }
    func removeAll() { state.withLock { $0.endpoints = [] } }

    /// Sends an event to one address alone.
    func send(_ event: Event, to endpoint: Endpoint) { deliver.yield((event, endpoint)) }

    /// Notes an event and sends it to whom it concerns.
    func send(_ event: Event) {
        state.withLock { state in
            state.events.append(event)
            if state.events.count > Self.mostEvents { state.events.removeFirst() }
        }
        for endpoint in concerned(by: event) { deliver.yield((event, endpoint)) }
    }

    /// Sends the last event, or a certain one, so many times; gives the answers' statuses, 0 for none.
    func replay(_ times: Int, event id: String?) async -> [Int]? {
        let event = state.withLock { state in
            if let id { return state.events.last { $0.id == id } }
            // That something was made is no news worth repeating.
            return state.events.last { !$0.type.hasSuffix(".created") } ?? state.events.last
        }
        guard let event else { return nil }
        let endpoints = concerned(by: event)
        if endpoints.isEmpty { return nil }
        return await withTaskGroup(of: [Int].self) { group in
            for endpoint in endpoints {
                for _ in 0..<times { group.addTask { [await self.post(event, to: endpoint)] } }
            }
            return await group.reduce([], +)
        }
    }

    /// Delivers until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await (event, endpoint) in deliveries {
                group.addTask { await self.insist(event, endpoint) }
            }
        }
    }

    func stop() { deliver.finish() }

    private func insist(_ event: Event, _ endpoint: Endpoint) async {
        for wait in Self.waits {
            if (200..<300).contains(await post(event, to: endpoint)) { return }
            do { try await Task.sleep(for: wait) } catch { return }
        }
    }

    /// Those of the account; of several clinics behind one account, the one that the event names.
    private func concerned(by event: Event) -> [Endpoint] {
        if let place = event.place {
            return [Endpoint(id: "we_own", url: place.url, secret: "", account: nil, at: .now())]
        }
        let all = endpoints.filter { $0.isConfirmed && ($0.account == nil || $0.account == event.account) }
        guard let clinic = event.clinic else { return all }
        let own = all.filter { $0.url.contains(clinic) }
        if !own.isEmpty { return own }
        if !all.isEmpty { return all }
        guard let publicURL else { return [] }
        return [
            Endpoint(
                id: "we_default",
                url: "\(publicURL)\(path)/\(clinic)",
                secret: secretDefault,
                account: nil,
                at: .now()
            )
        ]
    }

    private func post(_ event: Event, to endpoint: Endpoint) async -> Int {
        var request = HTTPClientRequest(url: endpoint.url)
        request.method = .POST
        let delivery =
            event.place.map { Delivery(headers: $0.headers, contentType: $0.contentType, body: event.body) }
            ?? wrap(endpoint.secret, event, .now())
        request.headers.add(name: "Content-Type", value: delivery.contentType)
        request.headers.add(name: "User-Agent", value: "PolyclinicSandbox/1.0")
        for (name, value) in delivery.headers { request.headers.add(name: name, value: value) }
        request.body = .bytes(ByteBuffer(bytes: delivery.body))
        do {
            let response = try await HTTPClient.shared.execute(request, timeout: Self.timeout)
            return Int(response.status.code)
        } catch {
            return 0
        }
    }
}
