import Core
import Postgres

/// Communication's look at the jobs' table `dead_letters`.
enum DeadLetterStore {
    /// The clinics whose work has failed for good, each with every handler of it.
    ///
    /// Runs with the `relay` role, which crosses clinics.
    static func clinics(since: Instant, in tx: borrowing Transaction) throws -> [(clinic: ClinicID, handler: String)] {
        try tx.rows("select distinct clinic_id, handler from dead_letters where failed_at > \(since)")
            .map { row in (try row[0], try row[1]) }
    }
}
