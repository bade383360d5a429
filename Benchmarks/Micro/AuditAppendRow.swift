import Access
import Contracts
import Core
import FoundationEssentials
import Logging
import Postgres
import TestKit
import Vault

/// Entries taken in as they come off the bus, given their places, and signed: durable, read back and under a checkpoint.
enum AuditAppendRow {
    static let entries = 40_000
    /// As many as a consumer offers together.
    static let batch = 128

    static func measure() async throws -> [String: Double] {
        let test = try TestDatabase.open("access", migrations: AccessService.migrations)
        let database = test.database
        let folder = FileManager.default.temporaryDirectory.appending(path: "bench-\(RequestID())").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let signer = CheckpointSigner(keys: try AuditKeys(KeyFile.generate()), witness: WitnessFolder(path: folder))
        let log = Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() })
        let sequencer = AuditSequencer(database: database, signer: signer, log: log)
        let clinic = ClinicID()
        let took = try await seconds {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for first in stride(from: 0, to: entries, by: batch) {
                    if first >= 2 * batch { try await group.next() }
                    let records = (0..<min(batch, entries - first)).map { _ in record(clinic) }
                    group.addTask {
                        try await database.through(.sequencer, operation: "bench") { tx in
                            AuditStore.append(records, in: tx)
                        }
                    }
                }
                try await group.waitForAll()
            }
            while try await sequencer.sequence() > 0 {}
            await sequencer.sign([clinic], at: .now())
        }
        let signed: Int64 = try await test.inspect(
            "select signed_size from audit_heads where clinic_id = \(clinic)"
        ) { try $0[0][0] }
        guard signed == entries else { throw TestKitError("\(signed) of \(entries) entries are signed") }
        return ["per second": Double(entries) / took]
    }

    private static func record(_ clinic: ClinicID) -> AuditRecord {
        AuditRecord(
            id: AuditEntryID(),
            at: .now(),
            clinicId: clinic,
            actor: AuditRecord.Actor(type: "user", id: "\(UserID())", roles: ["RECEPTIONIST"], apiKeyId: nil),
            action: "appointments:read",
            resource: AuditRecord.Resource(type: "appointments", id: "\(AppointmentID())"),
            patientId: PatientID(),
            outcome: .succeeded,
            reason: nil,
            requestId: RequestID(),
            source: AuditRecord.Source(address: "192.0.2.1", userAgent: "bench"),
            count: nil
        )
    }
}
