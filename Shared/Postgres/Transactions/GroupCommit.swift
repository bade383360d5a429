import Core
import Synchronization

/// When the group of a busy tenant is begun: as soon as enough have come, or when the first has waited long enough.
package struct GroupCompany: Sendable {
    /// How many are enough.
    package let size: Int
    /// How long the first waits at most.
    package let patience: Duration

    package init(size: Int, patience: Duration) {
        self.size = size
        self.patience = patience
    }
}

/// Work of one tenant that comes at the same time is done in one transaction: one BEGIN, one COMMIT and one flush to the
/// disk for many, and whatever statements the work can share.
///
/// While many come, a group waits a moment for more: a statement costs more than a row of it. What is urgent never waits.
///
/// When a group fails, everything is undone and each request is done again in a transaction of its own.
package final class GroupCommit<Request: Sendable, Reply: Sendable>: Sendable {
    /// Does requests in a transaction, and answers them in their order.
    package typealias Work = @Sendable ([Request], borrowing Transaction) throws -> [Reply]

    /// Requests in one transaction at most.
    private let togetherMax: Int
    /// Groups of one tenant and lane at work at once; with one the groups are larger.
    private let groupsAtOnce: Int
    /// What a group waits for while its tenant is busy; `nil` when it waits for nobody.
    private let company: GroupCompany?
    private let work: Work
    private let queues = Mutex<[Place: Queue]>([:])

    package init(
        atMost togetherMax: Int = 32,
        groupsAtOnce: Int = 1,
        waitingFor company: GroupCompany? = nil,
        _ work: @escaping Work
    ) {
        self.togetherMax = togetherMax
        self.groupsAtOnce = groupsAtOnce
        self.company = company
        self.work = work
    }

    private struct Place: Hashable, Sendable {
        let tenant: Tenant
        let lane: Database.Lane
    }

    private struct Member: Sendable {
        let operation: String
        let request: Request
        let end: @Sendable (Result<Reply, any Error>) -> Void
    }

    private struct Queue {
        var waiting: [Member] = []
        var groups = 0
        /// How many the last group had.
        var last = 0
        var hasUrgent = false
        /// Of the group that waits for company.
        var arrival: WakeSignal?

        /// A tenant is busy while groups of several come one after the other.
        static var busyFrom: Int { 4 }
    }

    /// Returns when the request's transaction is committed; throws what the work threw, or a `DatabaseError`.
    ///
    /// The work may run twice; cancelling the task does not stop it.
    package func perform(
        _ request: Request,
        on database: Database,
        for tenant: Tenant,
        lane: Database.Lane = .background,
        operation: String,
        isUrgent: Bool = false
    ) async throws -> Reply {
        let place = Place(tenant: tenant, lane: lane)
        return try await withCheckedThrowingContinuation { caller in
            let member = Member(operation: operation, request: request) { caller.resume(with: $0) }
            let begins = queues.withLock { queues in
                var queue = queues[place] ?? Queue()
                defer { queues[place] = queue }
                queue.waiting.append(member)
                if isUrgent { queue.hasUrgent = true }
                if isUrgent || queue.waiting.count == company?.size { queue.arrival?.signal() }
                guard queue.groups < groupsAtOnce else { return false }
                queue.groups += 1
                return true
            }
            // Not the caller's task: the others of a group must not end with this one.
            if begins { Task { await self.serve(place, on: database) } }
        }
    }

    private func serve(_ place: Place, on database: Database) async {
        while true {
            await waitForCompany(place)
            guard let group = next(place) else { return }
            do {
                let replies = try await run(group, place, on: database)
                for (member, reply) in zip(group, replies) { member.end(.success(reply)) }
            } catch let error as DatabaseError where error.isTransient {
                for member in group { member.end(.failure(error)) }
            } catch {
                if group.count == 1 {
                    group[0].end(.failure(error))
                } else {
                    await runApart(group, place, on: database)
                }
            }
        }
    }

    private func runApart(_ group: [Member], _ place: Place, on database: Database) async {
        for member in group {
            do {
                let replies = try await run([member], place, on: database)
                for reply in replies { member.end(.success(reply)) }
            } catch {
                member.end(.failure(error))
            }
        }
    }

    private func run(_ group: [Member], _ place: Place, on database: Database) async throws -> [Reply] {
        let requests = group.map(\.request)
        let operation = group[0].operation
        return try await database.transaction(for: place.tenant, lane: place.lane, operation: operation) { [work] tx in
            let replies = try work(requests, tx)
            precondition(replies.count == requests.count, "Cannot answer a group whose work left requests unanswered")
            return replies
        }
    }

    private func waitForCompany(_ place: Place) async {
        guard let company else { return }
        let arrival: WakeSignal? = queues.withLock { queues in
            guard let queue = queues[place], queue.last >= Queue.busyFrom, !queue.hasUrgent,
                queue.waiting.count < company.size
            else { return nil }
            let arrival = WakeSignal()
            queues[place]?.arrival = arrival
            return arrival
        }
        await arrival?.wait(upTo: company.patience)
    }

    private func next(_ place: Place) -> [Member]? {
        queues.withLock { queues in
            guard var queue = queues[place] else { return nil }
            if queue.waiting.isEmpty {
                queue.groups -= 1
                queues[place] = queue.groups > 0 ? queue : nil
                return nil
            }
            let group = Array(queue.waiting.prefix(togetherMax))
            queue.waiting.removeFirst(group.count)
            queue.last = group.count
            queue.hasUrgent = !queue.waiting.isEmpty && queue.hasUrgent
            queue.arrival = nil
            queues[place] = queue
            return group
        }
    }
}
