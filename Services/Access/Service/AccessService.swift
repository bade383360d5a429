import AccessAPI
import Authorization
import Bus
import Contracts
package import Core
import Outbound
package import Postgres
package import ServiceHost
package import Settings

/// The access service: who people are, what they may do, and the record of what was done.
package enum AccessService {
    package static let name = ServiceName.access

    /// The whole history of its schema.
    package static var migrations: [MigrationSet] {
        HostMigrations.all(
            of: name,
            own: [
                ("0001_identity.sql", PackageResources._001_identity_sql),
                ("0002_audit.sql", PackageResources._002_audit_sql),
                ("0003_audit_series.sql", PackageResources._003_audit_series_sql),
                ("0004_sign_in_tries.sql", PackageResources._004_sign_in_tries_sql),
                ("0005_own_account.sql", PackageResources._005_own_account_sql),
                ("0006_roles.sql", PackageResources._006_roles_sql),
                ("0007_api_keys.sql", PackageResources._007_api_keys_sql),
                ("0008_audit_witness.sql", PackageResources._008_audit_witness_sql),
                ("0009_audit_retention.sql", PackageResources._009_audit_retention_sql),
                ("0010_audit_search.sql", PackageResources._010_audit_search_sql),
                ("0011_break_glass.sql", PackageResources._011_break_glass_sql),
                ("0012_one_time_codes.sql", PackageResources._012_one_time_codes_sql),
                ("0013_resend_asks.sql", PackageResources._013_resend_asks_sql),
                ("0014_known_patients.sql", PackageResources._014_known_patients_sql),
                ("0015_phones.sql", PackageResources._015_phones_sql),
            ]
        )
    }

    /// Runs until SIGTERM or SIGINT; what has begun is finished first.
    ///
    /// Settings beside the host's: `POLYCLINIC_WITNESS_DIR`, a folder outside the database that keeps the newest
    /// checkpoint of every log (default `witness` in the working folder); `POLYCLINIC_AUDIT_WITNESSES`, who cosigns
    /// checkpoints; `POLYCLINIC_OUTBOUND_ALLOW`; and `POLYCLINIC_OWNER_REGISTRATION`, which lets people register with a
    /// clinic of their own (default `off`).
    package static func run(settings: Settings = .load()) async throws {
        try await ServiceProcess(name, settings: settings) { try definition($0) }.run()
    }

    /// What the service is made of.
    package static func definition(_ host: HostResources) throws -> ServiceDefinition {
        let parts = AccessParts(
            database: host.database,
            index: host.blindIndex,
            cursors: host.cursors,
            dataKeys: host.dataKeys,
            tokens: try TokenSigner(keys: host.keys, issuer: host.publicURL),
            passwords: PasswordHasher(concurrency: PasswordHasher.usualConcurrency),
            audit: try AuditKeys(host.keys),
            notices: Notices(keys: host.edgeKeys),
            gateways: Gateways(redis: host.redis, keyspace: host.keyspace),
            ownersMayRegister: try host.settings.bool("POLYCLINIC_OWNER_REGISTRATION"),
            publicURL: host.publicURL
        )
        var definition = ServiceDefinition(
            name,
            endpoints: AccessEndpoints().all + PolicyEndpoints().all,
            handlers: handlers(parts)
        )
        definition.consumers = consumers(parts)
        let policy = try OutboundPolicy(allow: try host.settings.string("POLYCLINIC_OUTBOUND_ALLOW"))
        let http = OutboundHTTP(policy: policy, logger: host.log)
        let witnesses = try Witness.list(host.settings.string("POLYCLINIC_AUDIT_WITNESSES"))
        definition.jobs = [
            AnnounceClinic(), AnnounceMember(), PrepareAuditExport(), BlankAuditEntries(), RecordBreakGlassEnd(),
            CosignCheckpoint(client: WitnessClient(http: http), witnesses: witnesses), ForgetCodes(), ForgetExpired(),
            SendPasswordReset(parts: parts), TellPasswordChanged(parts: parts), OrderResends(),
        ]
        definition.schedules = [
            try BlankAuditEntries.schedule(), try ForgetCodes.schedule(), try ForgetExpired.schedule(),
        ]
        let witness = WitnessFolder(path: try host.settings.string("POLYCLINIC_WITNESS_DIR", default: "witness"))
        let sequencer = AuditSequencer(
            database: host.database,
            signer: CheckpointSigner(keys: parts.audit, witness: witness),
            witnesses: witnesses,
            log: host.log
        )
        definition.services = [
            PolicyBroadcaster(host, keys: parts.tokens.verificationKeys), sequencer,
            AuditGapWatch(database: host.database, log: host.log),
        ]
        definition.checks = [sequencer.check]
        definition.resends = Resending.lists
        return definition
    }

    static func handlers(_ parts: AccessParts) -> HandlerTable {
        var table = HandlerTable()
        let authentication = AuthenticationHandlers(parts)
        authentication.register(in: &table)
        InvitationHandlers(parts: parts, authentication: authentication).register(in: &table)
        OneTimeCodeHandlers(parts: parts, authentication: authentication).register(in: &table)
        SecondFactorHandlers(parts).register(in: &table)
        PasswordHandlers(parts).register(in: &table)
        AccountHandlers(parts).register(in: &table)
        PreferenceHandlers.register(in: &table)
        ClinicHandlers(parts).register(in: &table)
        LocationHandlers(parts).register(in: &table)
        MemberHandlers(parts).register(in: &table)
        SystemUserHandlers(parts).register(in: &table)
        RoleHandlers(parts).register(in: &table)
        AccessCheckHandlers(parts).register(in: &table)
        APIKeyHandlers(parts).register(in: &table)
        PolicyHandlers(parts).register(in: &table)
        AuditHandlers(parts).register(in: &table)
        AuditProofHandlers(parts).register(in: &table)
        AuditTileHandlers.register(in: &table)
        AuditRetentionHandlers.register(in: &table)
        PatientAccessHandlers(parts: parts).register(in: &table)
        AuditExportHandlers(parts).register(in: &table)
        BreakGlassHandlers(parts).register(in: &table)
        ResendHandlers(parts: parts).register(in: &table)
        return table
    }

    /// Every service's audit entries, and the events that tie people to their records.
    private static func consumers(_ parts: AccessParts) -> [ServiceDefinition.Consumer] {
        let entries = AuditEntryConsumer(database: parts.database)
        return ServiceName.allCases.map { service in
            ServiceDefinition.Consumer(of: service, part: .audit) { try await entries.take($0, from: service) }
        } + [AppointmentsEvents.consumer]
    }
}
