import Core

/// Whom a transaction is for: a clinic, or with no tenant whatever its door's role reaches.
enum Target: Sendable {
    case door
    case changing(Tenant)
    case reading(Tenant)

    var tenant: Tenant? {
        switch self {
        case .door: nil
        case .changing(let tenant), .reading(let tenant): tenant
        }
    }

    var isReading: Bool { if case .reading = self { true } else { false } }

    var settings: [Query] {
        switch self {
        case .door: []
        case .changing(let tenant): [tenant.settings(readOnly: false)]
        case .reading(let tenant): [tenant.settings(readOnly: true)]
        }
    }
}

/// One transaction's talk with the server: what is queued, whether it has begun, what went wrong.
final class Exchange {
    /// Queued statements past which they are sent without waiting for the body to ask.
    private static let queueLimit = 20_000

    let tenant: Tenant?
    let schema: SchemaName
    private let connection: Connection
    private let operation: String
    private let running: QueuedTransaction
    /// What every transaction begins with.
    private let settings: [Query]
    private var queued: [Query]
    /// Nothing can be written, and each flush is a transaction by itself.
    private let isReading: Bool
    private var hasBegun = false
    /// Committed, or past saying whether.
    private var isOver = false
    private var failure: DatabaseError?
    /// Rows to be written before the commit, by kind, in the order of each kind's first.
    private var gathered: [any Gathering] = []
    /// What is to be told once this has committed.
    private var news: Set<CommitNews> = []
    /// Numbers of the connection's series that are used up if this commits.
    private var numbersTaken: Int64 = 0

    private init(_ connection: Connection, _ target: Target, _ operation: String, _ running: QueuedTransaction) {
        let tenant = target.tenant
        isReading = target.isReading
        self.connection = connection
        self.tenant = tenant
        schema = connection.schema
        self.operation = operation
        self.running = running
        queued = target.settings
        settings = queued
    }

    /// Runs the body and commits, or undoes everything; runs it again, once, when a prepared statement was out of date.
    static func run<R>(
        on connection: Connection,
        for target: Target,
        operation: String,
        running: QueuedTransaction,
        telling signals: CommitSignals,
        _ body: (borrowing Transaction) throws -> R
    ) -> Result<R, any Error> {
        var attempts = 0
        while true {
            attempts += 1
            let exchange = Exchange(connection, target, operation, running)
            do {
                let value = try body(Transaction(exchange: exchange))
                try exchange.commit()
                for news in exchange.news { signals[news].signal() }
                return .success(value)
            } catch {
                exchange.rollBack()
                if exchange.failure?.code.isStalePlan == true, attempts == 1 {
                    connection.dropStatements()
                    continue
                }
                return .failure(error)
            }
        }
    }

    // MARK: - What the body may do

    func queue(_ query: Query) {
        if isOver { note(.transactionOver) }
        if query.parameters.hasInvalidText { note(.invalidText) }
        queued.append(query)
        // The error is kept and thrown by whatever comes next.
        if queued.count >= Self.queueLimit { try? flush() }
    }

    func gather<Row: BatchedRow>(_ row: Row) {
        if isOver { note(.transactionOver) }
        for kind in gathered {
            guard let kind = kind as? Gathered<Row> else { continue }
            return kind.rows.append(row)
        }
        gathered.append(Gathered(row))
        if let news = Row.news { announce(news) }
    }

    func announce(_ news: CommitNews) { self.news.insert(news) }

    func rows(_ query: Query) throws(DatabaseError) -> Rows {
        queue(query)
        return Rows(result: try send(committing: false))
    }

    func last(_ query: Query) throws(DatabaseError) -> Rows {
        queueGathered()
        queue(query)
        return Rows(result: try send(committing: true))
    }

    func flush() throws(DatabaseError) {
        if queued.count > (isReading ? settings.count : 0) { _ = try send(committing: false) }
    }

    /// The next numbers of the connection's series.
    func number(_ count: Int) -> RowNumbers {
        if numbersTaken == 0 { connection.wakeSeries() }
        let first = connection.series.committed + numbersTaken + 1
        numbersTaken += Int64(count)
        return RowNumbers(series: connection.series.id, numbers: first...(first + Int64(max(count, 1)) - 1))
    }

    // MARK: - The end

    private func commit() throws(DatabaseError) {
        // A failed statement that the body swallowed has undone everything: say so instead of returning.
        if let failure { throw failure }
        guard !isOver else { return }
        queueGathered()
        // Settings alone are no work.
        guard hasBegun || queued.count > settings.count else { return }
        _ = try send(committing: true)
    }

    private func queueGathered() {
        for kind in gathered { for statement in kind.statements { queue(statement) } }
        gathered = []
    }

    private func rollBack() {
        guard hasBegun, !isOver || failure != nil, connection.isUsable else { return }
        connection.rollBack()
    }

    // MARK: - Sending

    /// Sends what is queued; the last of it gives the rows.
    ///
    /// BEGIN goes with the first flush after which the body goes on,
    /// so that what fits one flush needs none.
    private func send(committing: Bool) throws(DatabaseError) -> QueryResult? {
        if let failure { throw failure }
        if running.isCancelled { throw note(.cancelled) }
        var batch = queued
        queued = isReading ? settings : []
        if !committing, !hasBegun, !isReading {
            batch.insert("begin", at: 0)
            hasBegun = true
        }
        let wanted = batch.count - 1
        if committing, hasBegun { batch.append("commit") }
        isOver = committing
        let answer = connection.run(batch, keeping: wanted)
        try judge(answer)
        // COMMIT of a failed transaction succeeds, and says ROLLBACK.
        if committing, hasBegun, answer.tag != "COMMIT" { throw note(.notCommitted) }
        if committing, numbersTaken > 0 { connection.commitNumbers(numbersTaken) }
        return answer.rows
    }

    private func judge(_ answer: Connection.Answer) throws(DatabaseError) {
        if let failure = answer.failure, !(answer.isLost && failure.code == .connectionLost) {
            let wasAsked = failure.code == .statementTimeout && running.isCancelled
            throw note(wasAsked ? .cancelled : failure.code, constraint: failure.constraint)
        }
        if answer.isLost { throw note(isOver && !isReading ? .commitUnknown : .connectionLost) }
    }

    @discardableResult
    private func note(_ code: DatabaseError.Code, constraint: String? = nil) -> DatabaseError {
        let error = DatabaseError(code, constraint: constraint, operation: operation)
        if failure == nil { failure = error }
        return failure ?? error
    }
}
