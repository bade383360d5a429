import CommunicationAPI
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication

@Suite(.timeLimit(.minutes(1))) struct PruneReportsJobTests {
    @Test func whatIsOldEnoughIsDropped() async throws {
        let (clinic, other) = (try TestClinic(), try TestClinic())
        let database = clinic.desk.database.database
        let door = ProviderIDHash(blindIndex: clinic.desk.blindIndex)
        let now = Instant.now()
        let hashes = ["old", "new"].map { door.hash("test", "\($0)-\(clinic.clinic)") }
        for one in [clinic, other] {
            try await database.transaction(for: Tenant(one.clinic, actor: "test")) { tx in
                for (id, at) in [("old", now - PruneReportsJob.kept - .seconds(1)), ("new", now - .seconds(86_400))] {
                    tx.execute(
                        """
                        insert into delivery_events (clinic_id, provider, entry_id, event_id, kind, received_at)
                        values (clinic_id(), 'resend', \(ProviderEntryID()), \(id), 'delivered', \(at))
                        """
                    )
                }
            }
        }
        try await database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
            for hash in hashes { MessageClinicStore.insert(hash, in: tx) }
        }
        try clinic.desk.database.asOwner(
            """
            update \(clinic.desk.database.schema).message_clinics set noted_at = now() - interval '31 days'
            where id_hash = '\\x\(hashes[0].hex)'
            """
        )
        let before = now - PruneReportsJob.kept
        while try await database.through(
            .relay,
            { tx in
                try DeliveryStore.forget(before: before, limit: 1, in: tx)
                    + MessageClinicStore.forget(before: before, limit: 1, in: tx)
            }
        ) > 0 {}
        for one in [clinic, other] {
            let left = try await clinic.desk.database.inspect(
                "select event_id from delivery_events where clinic_id = \(one.clinic)"
            ) { rows -> [String] in try rows.map { try $0[0] } }
            #expect(left == ["new"])
        }
        let known = try await database.through(.lookup) { tx in try MessageClinicStore.clinics(hashes, in: tx) }
        #expect(known == [hashes[1]: clinic.clinic])
    }
}
