import Bus
import Contracts
import Core
import Logging
import ProviderConfig
import Redis

/// Tells every replica, and hears from them, that a clinic's configuration has a new version.
struct ConfigurationNews: Sendable {
    static let topic = "configuration"

    /// What is told: whose configuration in which service, and the version that is in force.
    struct Message: Codable, Sendable {
        var service: ServiceName
        var clinicId: ClinicID
        var version: Int64
    }

    let service: ServiceName
    let publisher: BroadcastPublisher
    let log: Logger

    /// Tells it.
    ///
    /// Who misses it, because Redis is away, loads everything again once it is back.
    func publish(_ clinic: ClinicID, version: Int64) async {
        do {
            let message = Message(service: service, clinicId: clinic, version: version)
            try await publisher.publish(try JSONWriter.encode(message), version: version, to: Self.topic)
        } catch {
            log.warning("news of a configuration were not told", metadata: ["clinic_id": "\(clinic)"])
        }
    }

    /// Drops what the news make old.
    static func hear(_ payload: [UInt8], of service: ServiceName, _ resolver: ProviderConfigResolver) {
        guard let message = try? JSONTape(payload).decode(Message.self), message.service == service else { return }
        resolver.invalidate(message.clinicId, version: message.version)
    }
}
