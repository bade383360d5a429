import Core
import Logging
import Metrics
import Redis
import Synchronization
import Telemetry

/// The replies of one service to this process: who waits for which, and the reader that brings them.
final class ReplyLane: Sendable {
    static let block: Duration = .milliseconds(1_000)
    static let batchMax = 512
    /// A reply stream nobody keeps alive is gone after this.
    static let streamLives: Duration = .seconds(60)
    /// Replies are dropped from the stream in steps of at least this many.
    static let trimEvery = 256

    private enum Wait {
        case sent
        case waiting(CheckedContinuation<Result<BusReply, any Error>, Never>)
        case over(Result<BusReply, any Error>)
    }

    private struct Entry {
        let clinic: ClinicID?
        let deadline: Instant
        var wait = Wait.sent
    }

    private struct State {
        var isOpen = false
        var waits: [RequestID: Entry] = [:]
        var shares: ClinicShares

        @discardableResult
        mutating func remove(_ id: RequestID) -> Wait? {
            guard let entry = waits.removeValue(forKey: id) else { return nil }
            shares.giveBack(of: entry.clinic)
            return entry.wait
        }
    }

    private let redis: RedisClient
    private let reader: RedisClient
    private let stream: String
    private let service: ServiceName
    private let process: String
    private let keys: EdgeKeys
    private let logger: Logger
    private let late: Counter
    private let state: Mutex<State>

    /// - Parameter inFlightMax: requests of a clinic that is alone; see `ClinicShares`.
    init(
        redis: RedisClient,
        stream: String,
        service: ServiceName,
        process: String,
        keys: EdgeKeys,
        inFlightMax: Int,
        logger: Logger
    ) {
        self.redis = redis
        self.stream = stream
        self.service = service
        self.process = process
        self.keys = keys
        state = Mutex(State(shares: ClinicShares(alone: inFlightMax)))
        self.logger = logger
        reader = redis.blockingTwin("replies-\(service.rawValue)")
        late = Counter(.busExpired, [(.service, service.rawValue), (.reason, "late_reply")])
    }

    var isOpen: Bool { state.withLock { $0.isOpen } }
    var inFlight: Int { state.withLock { $0.waits.count } }

    // MARK: - Waiting

    /// Makes room for a reply before the request is sent.
    func expect(_ id: RequestID, of clinic: ClinicID?, until deadline: Deadline) throws(Problem) {
        let hasRoom = state.withLock { state in
            guard state.shares.take(for: clinic) else { return false }
            if let former = state.waits.updateValue(Entry(clinic: clinic, deadline: deadline.at), forKey: id) {
                state.shares.giveBack(of: former.clinic)
            }
            return true
        }
        if !hasRoom { throw .unavailable("The service") }
    }

    func forget(_ id: RequestID) { state.withLock { _ = $0.remove(id) } }

    /// Waits for the reply to a request that was sent.
    func reply(to id: RequestID) async throws -> BusReply {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Result<BusReply, any Error>? = state.withLock { state in
                    guard let entry = state.waits[id] else { return .failure(CancellationError()) }
                    if case .over(let result) = entry.wait {
                        state.remove(id)
                        return result
                    }
                    if Task.isCancelled {
                        state.remove(id)
                        return .failure(CancellationError())
                    }
                    state.waits[id]?.wait = .waiting(continuation)
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            if case .waiting(let continuation) = state.withLock({ $0.remove(id) }) {
                continuation.resume(returning: .failure(CancellationError()))
            }
        }
        return try result.get()
    }

    private func settle(_ id: RequestID, _ result: Result<BusReply, any Error>) {
        let continuation: CheckedContinuation<Result<BusReply, any Error>, Never>? = state.withLock { state in
            guard let entry = state.waits[id] else {
                late.increment()
                return nil
            }
            switch entry.wait {
            case .sent: state.waits[id]?.wait = .over(result)
            case .over: break
            case .waiting(let continuation):
                state.remove(id)
                return continuation
            }
            return nil
        }
        continuation?.resume(returning: result)
    }

    func endOverdue(at now: Instant) {
        let overdue = state.withLock { state in state.waits.filter { $0.value.deadline <= now }.map(\.key) }
        for id in overdue { settle(id, .failure(Problem.replyTimeout)) }
    }

    func failAll(_ problem: Problem) {
        for id in state.withLock({ Array($0.waits.keys) }) { settle(id, .failure(problem)) }
    }

    // MARK: - Reading

    func run() async {
        await withDiscardingTaskGroup { tasks in
            tasks.addTask { await self.reader.runUntilClosed() }
            await readAll()
            reader.close()
        }
        _ = try? await redis.send(["UNLINK", .text(stream)])
    }

    private func readAll() async {
        var place = EntryID.zero
        var checked: ContinuousClock.Instant?
        var read = 0
        while !Task.isCancelled {
            do {
                if checked.map({ ContinuousClock.now - $0 > Self.block }) ?? true {
                    place = try await keepOpen(place)
                    checked = .now
                }
                let entries = try await reader.send(readCommand(from: place)).readEntries()
                for entry in entries { receive(entry) }
                place = entries.last?.id ?? place
                read += entries.count
                if read >= Self.trimEvery {
                    read = 0
                    try await trim(below: place)
                }
            } catch {
                checked = nil
                try? await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    private func readCommand(from place: EntryID) -> RedisCommand {
        RedisCommand(
            [
                "XREAD", "COUNT", .number(Self.batchMax), "BLOCK", .number(Int(Self.block.milliseconds)), "STREAMS",
                .text(stream), .text(place.description),
            ],
            blocksFor: Self.block
        )
    }

    /// Keeps the stream alive, or makes it anew; gives the place to read from.
    private func keepOpen(_ place: EntryID) async throws(RedisError) -> EntryID {
        let reply = try await StreamScripts.openReplies.run(
            on: redis,
            keys: [stream],
            arguments: [.number(Int(Self.streamLives.milliseconds))]
        )
        defer { state.withLock { $0.isOpen = true } }
        guard let text = reply.string, let made = EntryID(text) else { return place }
        if place != .zero {
            // Redis has forgotten; the replies to what is in flight went with it.
            logger.warning("reply stream made anew", metadata: .fields([.service: service.rawValue]))
            failAll(.replyTimeout)
        }
        return made
    }

    private func trim(below place: EntryID) async throws(RedisError) {
        _ = try await redis.send(["XTRIM", .text(stream), "MINID", "=", .text(place.description)])
    }

    private func receive(_ entry: StreamEntry) {
        do {
            let sealed = try SealedEntry(entry)
            guard sealed.header.kind == .reply else { throw SealedEntry.Failure.forged }
            let content = try sealed.open(
                edge: .replies(from: service, to: process),
                stream: stream,
                keys: keys
            )
            settle(sealed.header.id, .success(try BusReply(encoded: content)))
        } catch {
            // The request's deadline ends the wait; a forged reply must not.
            Counter(.busQuarantined, [(.stream, "replies:\(service.rawValue)")]).increment()
            logger.error(
                "reply does not open",
                metadata: .fields([.service: service.rawValue, .entryID: "\(entry.id)"])
            )
        }
    }
}
