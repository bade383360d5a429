/// The tables of jobs and schedules; applied to each service's schema after those of the outbox.
package enum JobsMigrations {
    package static let files: [(name: String, bytes: [UInt8])] = [
        ("0001_jobs.sql", PackageResources._001_jobs_sql),
        ("0002_job_statistics.sql", PackageResources._002_job_statistics_sql),
    ]
}
