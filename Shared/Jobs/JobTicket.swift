package import Core
package import Postgres

/// What shows that a job is this worker's to finish.
package struct JobTicket: Sendable {
    package let id: JobID
    let slot: Int
    let lease: JobID
    let handler: String
    let uniqueKey: String?
}

extension Jobs {
    /// Deletes jobs of the transaction's clinic, and returns those that were still their worker's; the others' effects must
    /// not be written.
    package static func delete(_ tickets: [JobTicket], in transaction: borrowing Transaction) throws -> Set<JobID> {
        guard let clinic = transaction.tenant?.clinic else { throw JobFailure(reason: "no_clinic") }
        transaction.execute(JobRows.byIndex)
        let rows = try transaction.rows(JobRows.finish(clinic, tickets))
        let gone = Set(try rows.map { try $0[0] as JobID })
        for ticket in tickets where gone.contains(ticket.id) {
            guard let key = ticket.uniqueKey else { continue }
            transaction.execute(JobRows.release(clinic, ticket.handler, key, ticket.id))
        }
        return gone
    }
}
