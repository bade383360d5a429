import CLibPQ
import Core
import Glibc

/// A libpq connection in pipeline mode; stays on its thread.
@safe final class Connection {
    /// Prepared statements kept per connection; past it all are dropped and prepared again as they are used.
    private static let statementLimit = 500
    /// What a connection may send or read at once and still be kept, in bytes: libpq's buffers grow with what they carry and
    /// never shrink.
    static let mostCarried = 4 << 20

    /// A statement that the server knows, with the plan it made for it.
    private struct Statement {
        let name: String
        var plan: PreparedPlanLifetime
    }

    /// What libpq will answer, in order.
    private enum Command {
        case prepare(Query.Shape)
        case execute(index: Int)
        case deallocate
    }

    /// What came back for one batch.
    struct Answer {
        /// The result that was to be kept, unless something failed.
        var rows: QueryResult?
        /// The command tag of the last statement that succeeded.
        var tag = ""
        /// The first failure; it undid everything of the batch that was not committed before.
        var failure: DatabaseError?
        var isLost = false
    }

    let cancelHandle: CancelHandle
    let schema: SchemaName
    private(set) var series = RowSeries()
    private let heads: SeriesHeads
    private let handle: OpaquePointer
    private var statements: [Query.Shape: Statement] = [:]
    private var statementsMade = 0
    private var isBroken = false
    /// Whether it holds on to more memory than a new connection costs.
    private(set) var isSwollen = false

    init(configuration: DatabaseConfiguration, role: String?, heads: SeriesHeads) throws(DatabaseError) {
        let settings: [(String, String)] = [
            ("dbname", configuration.url.unredacted), ("options", configuration.options(role: role)),
            ("application_name", "polyclinic-\(configuration.schema)"), ("client_encoding", "UTF8"),
            ("connect_timeout", String(max(2, configuration.connectTimeout.components.seconds))),
            ("keepalives_idle", "10"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "15000"),
        ]
        let opened = unsafe Self.withCStrings(settings.map(\.0)) { names in
            unsafe Self.withCStrings(settings.map(\.1)) { values in unsafe PQconnectdbParams(names, values, 1) }
        }
        guard let opened = unsafe opened else { throw DatabaseError(.connectionLost) }
        schema = configuration.schema
        self.heads = heads
        unsafe handle = unsafe opened
        unsafe cancelHandle = CancelHandle(of: opened)
        unsafe polyclinic_silence_notices(opened)
        // From here on `deinit` closes the connection, also when the initialiser throws.
        guard unsafe PQstatus(opened) == CONNECTION_OK, unsafe PQsetnonblocking(opened, 1) == 0,
            unsafe PQenterPipelineMode(opened) == 1
        else { throw DatabaseError(.connectionLost) }
    }

    deinit { unsafe PQfinish(handle) }

    /// Whether the connection still stands, as far as can be known without asking the server.
    var isUsable: Bool {
        guard !isBroken, unsafe PQstatus(handle) == CONNECTION_OK else { return false }
        // Between transactions a server has nothing to say but farewell; the end of the stream may be a moment behind it.
        return !isReadable
    }

    private var isReadable: Bool {
        var descriptor = pollfd(fd: unsafe PQsocket(handle), events: Int16(POLLIN), revents: 0)
        return unsafe poll(&descriptor, 1, 0) > 0
    }

    /// Sends the statements with one Sync behind them and reads all answers, keeping the rows of one.
    ///
    /// Without BEGIN, the batch is one transaction; with it, the Sync only ends the flush.
    func run(_ batch: [Query], keeping kept: Int) -> Answer {
        if statements.count > Self.statementLimit { dropStatements() }
        var commands: [Command] = []
        commands.reserveCapacity(batch.count + 2)
        let now = ContinuousClock.now
        if batch.reduce(0, { $0 + $1.parameters.bytes.count }) > Self.mostCarried { isSwollen = true }
        for (index, query) in batch.enumerated() {
            guard send(query, index, now, &commands) else { return lost() }
        }
        guard unsafe PQpipelineSync(handle) == 1, flush() else { return lost() }
        return read(commands, keeping: kept)
    }

    /// Forgets every prepared statement, here and at the server.
    func dropStatements() {
        statements = [:]
        _ = runUnprepared("deallocate all")
    }

    /// Undoes the transaction that has begun.
    ///
    /// Not by a prepared statement: making its plan anew would begin with a DEALLOCATE, which a failed transaction refuses,
    /// and the ROLLBACK behind it would be skipped.
    func rollBack() {
        if runUnprepared("rollback").failure != nil { isBroken = true }
    }

    private func runUnprepared(_ sql: String) -> Answer {
        guard unsafe PQsendQueryParams(handle, sql, 0, nil, nil, nil, nil, 1) == 1,
            unsafe PQpipelineSync(handle) == 1, flush()
        else { return lost() }
        return read([.execute(index: 0)], keeping: 0)
    }

    /// Readies the series of numbered rows for a transaction.
    func wakeSeries() { series.wake(at: .now) }

    /// Takes note that so many numbered rows were committed.
    func commitNumbers(_ count: Int64) {
        series.commit(count)
        heads.note(series)
    }

    // MARK: - Sending

    private func send(
        _ query: Query,
        _ index: Int,
        _ now: ContinuousClock.Instant,
        _ commands: inout [Command]
    ) -> Bool {
        var plan = PreparedPlanLifetime(at: now)
        if let place = statements.index(forKey: query.shape) {
            let isDue = statements.values[place].plan.use(at: now)
            let known = statements.values[place]
            guard isDue else {
                commands.append(.execute(index: index))
                return execute(known.name, query.parameters)
            }
            plan = known.plan
            guard unsafe PQsendQueryParams(handle, "deallocate \(known.name)", 0, nil, nil, nil, nil, 1) == 1 else {
                return false
            }
            commands.append(.deallocate)
        }
        statementsMade += 1
        let name = "s\(statementsMade)"
        let types = query.shape.types.map { Oid($0.rawValue) }
        guard unsafe PQsendPrepare(handle, name, query.sql, Int32(types.count), types) == 1 else { return false }
        statements[query.shape] = Statement(name: name, plan: plan)
        commands.append(.prepare(query.shape))
        commands.append(.execute(index: index))
        return execute(name, query.parameters)
    }

    private func execute(_ name: String, _ parameters: Parameters) -> Bool {
        let count = parameters.entries.count
        guard count > 0 else { return unsafe PQsendQueryPrepared(handle, name, 0, nil, nil, nil, 1) == 1 }
        let lengths = parameters.entries.map { Int32($0.length) }
        let formats: [Int32] = parameters.entries.map { $0.type == .inferred ? 0 : 1 }
        // An empty value needs an address as well: no address is NULL.
        let bytes = parameters.bytes.isEmpty ? [0] : parameters.bytes
        return unsafe bytes.withUnsafeBytes { bytes in
            let values = unsafe parameters.entries.map { entry -> UnsafePointer<CChar>? in
                guard entry.length >= 0, let base = bytes.baseAddress else { return nil }
                return unsafe (base + entry.offset).assumingMemoryBound(to: CChar.self)
            }
            return unsafe PQsendQueryPrepared(handle, name, Int32(count), values, lengths, formats, 1) == 1
        }
    }

    /// Writes what libpq has queued and reads meanwhile, so that neither side waits for the other to empty its buffer.
    private func flush() -> Bool {
        while true {
            let status = unsafe PQflush(handle)
            if status == 0 { return true }
            if status < 0 { return false }
            var descriptor = pollfd(fd: unsafe PQsocket(handle), events: Int16(POLLIN | POLLOUT), revents: 0)
            guard unsafe poll(&descriptor, 1, -1) >= 0 || errno == EINTR else { return false }
            if descriptor.revents & Int16(POLLIN) != 0, unsafe PQconsumeInput(handle) != 1 { return false }
        }
    }

    // MARK: - Reading

    private func read(_ commands: [Command], keeping kept: Int) -> Answer {
        var answer = Answer()
        var index = 0
        var emptyReads = 0
        while true {
            guard let pointer = unsafe PQgetResult(handle) else {
                index += 1
                emptyReads += 1
                let isOpen = unsafe PQstatus(handle) == CONNECTION_OK
                if emptyReads > 2 || !isOpen { return lost(answer) }
                continue
            }
            emptyReads = 0
            let status = unsafe PQresultStatus(pointer)
            let result = unsafe QueryResult(pointer)
            if unsafe PQresultMemorySize(pointer) > Self.mostCarried { isSwollen = true }
            if status == PGRES_PIPELINE_SYNC { return answer }
            let command = index < commands.count ? commands[index] : nil
            if status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK {
                guard case .execute(let place) = command else { continue }
                answer.tag = result.tag
                if place == kept { answer.rows = result }
            } else if status != PGRES_EMPTY_QUERY {
                // A skipped Parse left no statement behind either.
                if case .prepare(let shape) = command { statements[shape] = nil }
                if status != PGRES_PIPELINE_ABORTED, answer.failure == nil { answer.failure = result.failure }
            }
        }
    }

    private func lost(_ answer: Answer = Answer()) -> Answer {
        isBroken = true
        return Answer(failure: answer.failure, isLost: true)
    }

    /// Lends the texts as a NULL-terminated array of C strings.
    @unsafe private static func withCStrings<R>(
        _ texts: [String],
        _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> R
    ) -> R {
        var pointers = unsafe texts.map { unsafe UnsafePointer<CChar>(strdup($0)) }
        unsafe pointers.append(nil)
        defer { unsafe pointers.forEach { unsafe free(UnsafeMutablePointer(mutating: $0)) } }
        return unsafe pointers.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
    }
}
