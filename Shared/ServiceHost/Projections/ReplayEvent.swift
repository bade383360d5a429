import Contracts
import Jobs

/// Offers an event that was given up to the consumers of this service again.
///
/// The inbox passes over what was taken in after all.
struct ReplayEvent: JobHandler {
    static let name = DeadLetters.eventHandler

    let intake: EventIntake
    let consumers: [ServiceDefinition.Consumer]

    func run(_ event: EventEnvelope, _ job: JobContext) async throws {
        guard event.clinicId == job.clinic else { throw JobFailure.permanent("other_clinic") }
        let takers = consumers.filter { $0.takes(event) }
        guard !takers.isEmpty else { throw JobFailure.permanent("no_consumer") }
        for consumer in takers { try await intake.take([event], for: consumer) }
    }
}
