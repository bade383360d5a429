import Core
import Postgres

/// Communication's look at the jobs' table `dead_letters`.
enum DeadLetterStore {
    /// The clinics whose work has failed for good, each with a handler of it.
    ///
    /// Runs with the `relay` role, which crosses clinics.
    static func clinics(since: Instant, in tx: borrowing Transaction) throws -> [(clinic: ClinicID, handler: String)] {
        try tx.rows("select clinic_id, min(handler) from dead_letters where failed_at > \(since) group by clinic_id")
            .map { row in (try row[0], try row[1]) }
    }
}
