import Bus
import CommunicationAPI
import Contracts
import Core
import Logging
import Metrics
import Postgres
import ProviderConfig
import ServiceHost
import Telemetry

/// What is done with what a webhook tells, each for the clinic that it concerns.
extension WebhookHandlers {
    private var providerIDs: ProviderIDHash { ProviderIDHash(blindIndex: intake.index.blindIndex) }

    /// What somebody wrote: to the clinic, or to the installation's number that a clinic wrote from.
    func hear(
        _ texts: [InboundText],
        through entry: ProviderEntry,
        _ owner: ClinicID,
        _ context: OperationContext
    ) async throws {
        guard !texts.isEmpty else { return }
        let found =
            if owner == .installation {
                try await answered(texts, through: entry, context)
            } else {
                SharedTexts.Found(known: [owner: texts])
            }
        let (inbound, webhook, now) = (inbound, context.requestID, context.now)
        for (clinic, texts) in found.known {
            let tenant = Tenant(clinic, toldBy: entry.provider)
            try await context.database.transaction(for: tenant) { tx in
                try inbound.take(texts, through: entry, clinic: clinic, at: now, in: tx)
            }
        }
        for (clinic, texts) in found.optOuts {
            let tenant = Tenant(clinic, toldBy: entry.provider)
            try await context.database.transaction(for: tenant) { tx in
                try inbound.applyOptOuts(texts, through: entry, webhook: webhook, clinic: clinic, at: now, in: tx)
            }
        }
    }

    /// Who goes by another number or id from now on: known by it in the clinic, or in those that wrote from the installation's
    /// number.
    func follow(
        _ changes: [WhatsAppIdentityChange],
        through entry: ProviderEntry,
        _ owner: ClinicID,
        _ context: OperationContext
    ) async throws {
        let updater = ContactIdentityUpdater(index: intake.index, suppressions: intake.suppressions)
        // One after the other: who changes twice is found by what the first change has noted.
        for change in changes {
            let clinics = try await concerned(by: [change.before], through: entry, owner, context)[0]
            // What they answer by their new name is answered to those that wrote to them by the old one.
            let heirs = owner == .installation ? Set(change.now).subtracting(change.before) : []
            let noted = heirs.map { providerIDs.hash(entry.provider, to: $0) }
            for clinic in clinics {
                let (tenant, now) = (Tenant(clinic, toldBy: entry.provider), context.now)
                try await context.database.transaction(for: tenant) { tx in
                    try updater.follow(change, clinic: clinic, at: now, in: tx)
                    for hash in noted { RecipientClinicStore.insert(hash, at: now, in: tx) }
                }
            }
        }
    }

    /// What people have told the provider itself of messages: for the clinic, or for those that wrote from the installation's number.
    func applyOptOuts(
        _ optOuts: [CategoryOptOut],
        through entry: ProviderEntry,
        _ owner: ClinicID,
        _ context: OperationContext
    ) async throws {
        let optOutIntake = OptOutIntake(index: intake.index, suppressions: intake.suppressions)
        let concerned = try await concerned(by: optOuts.map(\.who), through: entry, owner, context)
        var byClinic: [ClinicID: [CategoryOptOut]] = [:]
        for (optOut, clinics) in zip(optOuts, concerned) {
            for clinic in clinics { byClinic[clinic, default: []].append(optOut) }
        }
        let (webhook, now) = (context.requestID, context.now)
        for (clinic, optOuts) in byClinic {
            let tenant = Tenant(clinic, toldBy: entry.provider)
            try await context.database.transaction(for: tenant) { tx in
                try optOutIntake.take(optOuts, through: entry, webhook: webhook, clinic: clinic, at: now, in: tx)
            }
        }
    }

    /// The clinics of each of some people, by any of their names: the account's owner, or those that wrote to them from the
    /// installation's number.
    private func concerned(
        by people: [[ChannelAddress]],
        through entry: ProviderEntry,
        _ owner: ClinicID,
        _ context: OperationContext
    ) async throws -> [Set<ClinicID>] {
        guard owner == .installation else { return people.map { _ in [owner] } }
        let names = people.map { names in
            SharedAccount.Names(person: names.flatMap { providerIDs.hashes(entry.provider, to: $0) })
        }
        return try await SharedAccount(database: context.database).clinics(of: names).map(\.writers)
    }

    /// Texts to the installation's number, each for the clinic that it answers; nobody's are counted, and said without what is in
    /// them.
    private func answered(
        _ texts: [InboundText],
        through entry: ProviderEntry,
        _ context: OperationContext
    ) async throws -> SharedTexts.Found {
        let found = try await SharedTexts(providerIDs: providerIDs, provider: entry.provider).sorted(
            texts,
            context.database
        )
        for _ in found.unknown {
            Self.count(entry.provider, "unanswerable")
            context.log.notice(
                "A text to the installation's own number is for no clinic that can be told",
                metadata: .fields([.provider: entry.provider])
            )
        }
        return found
    }

    /// E-mails that came to the clinic.
    func bring(
        _ mails: [InboundMail],
        through entry: ProviderEntry,
        of entries: [ProviderEntry],
        _ owner: ClinicID,
        _ context: OperationContext
    ) async throws {
        let lost = mails.filter { $0.report == nil && $0.inbound() == nil }
        for _ in lost { Self.count(entry.provider, "unanswerable") }
        if owner == .installation {
            let bouncing = entries.filter(providers.bouncesByMail)
            try await share(MailIntake.reports(mails), of: bouncing, keepsUnknown: false, context)
            return try await handOn(mails, through: entry, of: entries, context)
        }
        let intake = MailIntake(deliveries: intake, inbound: inbound, providers: providers)
        let (webhook, now) = (context.requestID, context.now)
        let tenant = Tenant(owner, toldBy: entry.provider)
        try await context.database.transaction(for: tenant) { tx in
            try intake.take(mails, through: entry, of: entries, webhook: webhook, clinic: owner, at: now, in: tx)
        }
    }

    /// E-mails to the installation's own address, each to the clinic that it answers; nobody's are counted, and said without
    /// what is in them.
    private func handOn(
        _ mails: [InboundMail],
        through entry: ProviderEntry,
        of entries: [ProviderEntry],
        _ context: OperationContext
    ) async throws {
        let found = try await SharedMail(providerIDs: providerIDs, entries: entries)
            .sorted(mails.filter { $0.report == nil && $0.inbound() != nil }, context.database)
        for _ in found.unknown {
            Self.count(entry.provider, "unanswerable")
            context.log.notice(
                "An e-mail to the installation's own address is about no clinic",
                metadata: .fields([.provider: entry.provider])
            )
        }
        let (inbound, now, own) = (inbound, context.now, MailIntake.senders(entries))
        for (clinic, mails) in found.known {
            let tenant = Tenant(clinic, toldBy: entry.provider)
            try await context.database.transaction(for: tenant) { tx in
                let texts = MailIntake.texts(mails, own: own)
                try inbound.take(texts, through: entry, clinic: clinic, at: now, in: tx)
            }
        }
    }

    /// What the account's owner should know of.
    func alert(_ told: [ProviderAlert], _ owner: ClinicID, _ context: OperationContext) async throws {
        var alerts: [ProviderAlert] = []
        // More of a kind would not be told within the hour anyway.
        for alert in told
        where alerts.count(where: { $0.kind == alert.kind }) < AlertRules.mostAnHour && !alerts.contains(alert) {
            alerts.append(alert)
        }
        guard !alerts.isEmpty else { return }
        let now = context.now
        try await context.database.transaction(for: Tenant(owner, actor: "system")) { [alerts] tx in
            for alert in alerts { try AlertStore.raise(alert.kind, about: alert.subject, at: now, in: tx) }
        }
    }

    /// The clinic's own provider has told it of its own messages.
    func take(
        _ reports: [DeliveryReport],
        of signers: [ProviderEntry],
        _ clinic: ClinicID,
        _ context: OperationContext
    ) async throws {
        guard let provider = signers.first?.provider, !reports.isEmpty else { return }
        // The clinic is the path's, which the signature has proved; the caller has no scope of its own.
        let tenant = Tenant(clinic, toldBy: provider)
        let (intake, webhook, now) = (intake, context.requestID, context.now)
        let news = try await context.database.transaction(for: tenant) { tx in
            try intake.take(reports, of: signers, webhook: webhook, clinic: clinic, at: now, in: tx)
        }
        await AlertStore.tellOperators(news, in: context.database, log: context.log)
    }

    /// The installation's provider has told of messages of any clinic: each gets its own.
    ///
    /// - Parameter keepsUnknown: whether what is about nobody's message waits for one; never what names its recipient.
    func share(
        _ reports: [DeliveryReport],
        of signers: [ProviderEntry],
        keepsUnknown: Bool = true,
        _ context: OperationContext
    ) async throws {
        guard let source = ReportSource(signers), !reports.isEmpty else { return }
        let (intake, webhook, now) = (intake, context.requestID, context.now)
        let found = try await intake.sorted(
            reports.map(DeliveryIntake.anonymous),
            from: source.provider,
            context.database
        )
        let byID = Dictionary(reports.map { ($0.id, $0) }) { first, _ in first }
        for (clinic, kept) in found.known {
            let own = kept.compactMap { byID[$0.id] }
            try await take(own, of: signers, clinic, context)
        }
        guard keepsUnknown, !found.unknown.isEmpty else { return }
        let tenant = Tenant(.installation, toldBy: source.provider)
        try await context.database.transaction(for: tenant) { [unknown = found.unknown] tx in
            try intake.keep(unknown, from: source, webhook: webhook, at: now, in: tx)
        }
    }
}
