package import Core

/// Recurring work, declared by a service: a handler, when, and for which clinic.
package struct Schedule: Sendable {
    package let name: String
    package let cron: CronExpression
    package let timeZone: TimeZoneName
    /// Whether every missed occurrence is made up for; else those that were missed run once.
    package let catchUp: Bool
    package let clinic: ClinicID
    package let lane: JobLane
    let handler: String
    let payload: [UInt8]

    /// Work of the installation, or of one clinic.
    ///
    /// - Parameter timeZone: whose clocks `cron` is read by.
    /// - Throws: `CronExpression.Invalid`, or what encoding the payload throws.
    package init<J: JobHandler>(
        _ name: String,
        _ handler: J.Type,
        payload: J.Payload,
        cron: String,
        timeZone: TimeZoneName = .utc,
        catchUp: Bool = false,
        clinic: ClinicID = .installation,
        lane: JobLane = .normal
    ) throws {
        self.name = name
        self.cron = try CronExpression(cron)
        self.timeZone = timeZone
        self.catchUp = catchUp
        self.clinic = clinic
        self.lane = lane
        self.handler = J.name
        self.payload = try Jobs.encode(payload)
    }
}
