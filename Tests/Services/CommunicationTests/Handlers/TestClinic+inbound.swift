import CommunicationAPI
import Core
import Postgres
import ProviderConfig
import TestKit

@testable import Communication

extension TestClinic {
    /// Takes texts in that somebody has sent to the clinic through Twilio.
    func take(_ texts: InboundText...) async throws {
        let intake = InboundIntake(
            store: InboundStore(dataKeys: desk.dataKeys),
            suppressions: SuppressionStore(dataKeys: desk.dataKeys),
            addresses: AddressIndex(blindIndex: desk.blindIndex)
        )
        let id = clinic
        let entry = ProviderEntry(
            id: ProviderEntryID(high: 1, low: 1),
            channel: "sms",
            provider: "twilio",
            position: 0,
            credentials: Credentials([:]),
            version: 1,
            updatedAt: .now(),
            updatedBy: "test",
            fingerprint: "f",
            formerSecrets: []
        )
        try await desk.database.database.transaction(for: Tenant(id, actor: "provider:twilio")) { tx in
            try intake.take(texts, through: entry, clinic: id, at: .now(), in: tx)
        }
    }
}
