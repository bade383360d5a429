import Synchronization

/// Lets transactions of one tenant that come at the same time commit together: one BEGIN, one COMMIT and one flush to the
/// disk for many.
///
/// When one of a group throws, everything is undone and each runs again in a transaction of its own.
final class CommitGroups: Sendable {
    /// Bodies in one transaction at most.
    static let togetherMax = 32
    /// Groups of one tenant and lane at work at once.
    static let groupsAtOnce = 2

    private struct Place: Hashable, Sendable {
        let tenant: Tenant
        let lane: Database.Lane
    }

    private struct Member: Sendable {
        let operation: String
        let run: @Sendable (borrowing Transaction) throws -> Void
        let end: @Sendable ((any Error)?) -> Void
    }

    private struct Queue {
        var waiting: [Member] = []
        var groups = 0
    }

    private let queues = Mutex<[Place: Queue]>([:])

    /// Returns when the body's transaction is committed; throws what it threw, or a `DatabaseError`.
    func perform<R: Sendable>(
        on database: Database,
        for tenant: Tenant,
        lane: Database.Lane,
        operation: String,
        _ body: @escaping @Sendable (borrowing Transaction) throws -> R
    ) async throws -> R {
        let place = Place(tenant: tenant, lane: lane)
        return try await withCheckedThrowingContinuation { caller in
            let outcome = Mutex<R?>(nil)
            let member = Member(operation: operation) { tx in
                let value = try body(tx)
                outcome.withLock { $0 = value }
            } end: { error in
                if let error {
                    caller.resume(throwing: error)
                } else if let value = outcome.withLock({ $0 }) {
                    caller.resume(returning: value)
                }
            }
            let begins = queues.withLock { queues in
                queues[place, default: Queue()].waiting.append(member)
                guard queues[place, default: Queue()].groups < Self.groupsAtOnce else { return false }
                queues[place]?.groups += 1
                return true
            }
            // Not the caller's task: the others of a group must not end with this one.
            if begins { Task { await self.work(place, on: database) } }
        }
    }

    private func work(_ place: Place, on database: Database) async {
        while let group = next(place) {
            do {
                try await run(group, place, on: database)
                for member in group { member.end(nil) }
            } catch let error as DatabaseError where error.isPassing {
                for member in group { member.end(error) }
            } catch {
                if group.count == 1 { group[0].end(error) } else { await runApart(group, place, on: database) }
            }
        }
    }

    private func runApart(_ group: [Member], _ place: Place, on database: Database) async {
        for member in group {
            do {
                try await run([member], place, on: database)
                member.end(nil)
            } catch {
                member.end(error)
            }
        }
    }

    private func run(_ group: [Member], _ place: Place, on database: Database) async throws {
        try await database.transaction(for: place.tenant, lane: place.lane, operation: group[0].operation) { tx in
            for member in group { try member.run(tx) }
        }
    }

    private func next(_ place: Place) -> [Member]? {
        queues.withLock { queues in
            guard var queue = queues[place] else { return nil }
            if queue.waiting.isEmpty {
                queue.groups -= 1
                queues[place] = queue.groups > 0 ? queue : nil
                return nil
            }
            let group = Array(queue.waiting.prefix(Self.togetherMax))
            queue.waiting.removeFirst(group.count)
            queues[place] = queue
            return group
        }
    }
}
