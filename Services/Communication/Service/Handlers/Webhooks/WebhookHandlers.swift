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

/// Providers' webhooks: the signature checked, each event kept once with its effect, then answered.
struct WebhookHandlers: Sendable {
    let endpoints: DeliveryEndpoints
    let store: ProviderConfigStore
    let providers: MessageProviders
    let readers: [String: any WebhookReader]
    let intake: DeliveryIntake
    let inbound: InboundIntake
    let webhooks: WebhookAddresses
    let large: LargeWebhooks

    func register(in table: inout HandlerTable) {
        table.pieces(endpoints.receive) { [self] input, piece, context in
            // The installation's own have an address of their own.
            guard input.clinicId != .installation else { throw Problem.notFound }
            return try await receive(input.provider, piece, input.body, about: input.message, input.clinicId, context)
        }
        table.pieces(endpoints.receiveShared) { [self] input, piece, context in
            try await receive(input.provider, piece, input.body, about: input.message, .installation, context)
        }
    }

    /// Takes a webhook in once it is whole; no reply while pieces of it are still to come.
    private func receive(
        _ provider: String,
        _ piece: BodyPiece,
        _ body: RawBody,
        about message: MessageID?,
        _ owner: ClinicID,
        _ context: OperationContext
    ) async throws -> Reply<WebhookReceipt>? {
        guard let reader = readers[provider] else { throw Problem.notFound }
        @Sendable func call(_ bytes: [UInt8]) -> WebhookCall {
            WebhookCall(
                body: bytes,
                headers: context.request.headers,
                url: webhooks.url(of: provider, owner, message: message),
                message: message
            )
        }
        let bytes = body.bytes
        if piece.isWhole {
            guard bytes.count <= reader.longestBody else { throw LargeWebhookRules.tooLarge(reader.longestBody) }
            return try await take(call(bytes), with: reader, provider, owner, context)
        }
        if piece.number == 0 { try await expect(call([]), with: reader, provider, owner, context) }
        try await large.keep(piece, bytes, of: provider, longest: reader.longestBody, owner, context)
        guard piece.isLast else { return nil }
        return try await large.read(of: provider, owner, context) { whole in
            try await take(call(whole), with: reader, provider, owner, context)
        }
    }

    /// Throws 401 where the headers show already that no entry's account can have signed it: nothing of it is kept then.
    private func expect(
        _ call: WebhookCall,
        with reader: any WebhookReader,
        _ provider: String,
        _ owner: ClinicID,
        _ context: OperationContext
    ) async throws {
        let entries = try await entries(of: owner, provider, context).filter { $0.provider == provider }
        guard !entries.contains(where: { reader.mayBeSigned(call, for: $0, at: context.now) }) else { return }
        throw Self.forged(provider)
    }

    private func take(
        _ call: WebhookCall,
        with reader: any WebhookReader,
        _ provider: String,
        _ owner: ClinicID,
        _ context: OperationContext
    ) async throws -> Reply<WebhookReceipt> {
        let (entries, signers, reports) = try await read(call, with: reader, provider, owner, context)
        if owner == .installation {
            try await share(reports, of: signers, context)
        } else {
            try await take(reports, of: signers, owner, context)
        }
        let mails = try await reader.mails(call, for: signers[0], at: context.now)
        if !mails.isEmpty { try await bring(mails, through: signers[0], of: entries, owner, context) }
        try await follow(call, with: reader, signers, owner, context)
        try await heed(call, with: reader, signers, owner, context)
        try await hear(call, with: reader, signers, owner, context)
        try await alert(call, with: reader, signers, owner, context)
        Self.count(provider, "taken")
        return Reply(WebhookReceipt(received: true), status: reader.acknowledgement)
    }

    /// What somebody wrote: to the clinic, or to the installation's number that a clinic wrote from.
    private func hear(
        _ call: WebhookCall,
        with reader: any WebhookReader,
        _ signers: [ProviderEntry],
        _ owner: ClinicID,
        _ context: OperationContext
    ) async throws {
        // Entries of one account may be different numbers of it.
        for entry in signers {
            let texts = try reader.texts(call, for: entry, at: context.now)
            guard !texts.isEmpty else { continue }
            let found =
                if owner == .installation {
                    try await answered(texts, through: entry, context)
                } else {
                    SharedTexts.Found(known: [owner: texts])
                }
            let (inbound, notice, now) = (inbound, context.requestID, context.now)
            for (clinic, texts) in found.known {
                let tenant = Tenant(clinic, actor: "provider:\(entry.provider)")
                try await context.database.transaction(for: tenant) { tx in
                    try inbound.take(texts, through: entry, clinic: clinic, at: now, in: tx)
                }
            }
            for (clinic, texts) in found.wishes {
                let tenant = Tenant(clinic, actor: "provider:\(entry.provider)")
                try await context.database.transaction(for: tenant) { tx in
                    try inbound.heed(texts, through: entry, notice: notice, clinic: clinic, at: now, in: tx)
                }
            }
        }
    }

    /// Who goes by another number or id from now on: known by it in the clinic, or in those that wrote from the installation's
    /// number.
    private func follow(
        _ call: WebhookCall,
        with reader: any WebhookReader,
        _ signers: [ProviderEntry],
        _ owner: ClinicID,
        _ context: OperationContext
    ) async throws {
        let door = MessageDoor(blindIndex: intake.index.blindIndex)
        let follower = ContactFollower(index: intake.index, suppressions: intake.suppressions)
        for entry in signers {
            for change in try reader.changes(call, for: entry, at: context.now) {
                var clinics: Set<ClinicID> = [owner]
                // What they answer by their new name is answered to those that wrote to them by the old one.
                var heirs: [[UInt8]] = []
                if owner == .installation {
                    clinics = try await writers(to: change.before, by: entry, context)
                    heirs = Set(change.now).subtracting(change.before).map { door.hash(entry.provider, to: $0) }
                }
                for clinic in clinics {
                    let (tenant, now) = (Tenant(clinic, actor: "provider:\(entry.provider)"), context.now)
                    try await context.database.transaction(for: tenant) { [heirs] tx in
                        try follower.follow(change, clinic: clinic, at: now, in: tx)
                        for heir in heirs { NumberClinicStore.insert(heir, at: now, in: tx) }
                    }
                }
            }
        }
    }

    /// What people have told the provider itself of messages: for the clinic, or for those that wrote from the installation's number.
    private func heed(
        _ call: WebhookCall,
        with reader: any WebhookReader,
        _ signers: [ProviderEntry],
        _ owner: ClinicID,
        _ context: OperationContext
    ) async throws {
        let wishing = WishIntake(index: intake.index, suppressions: intake.suppressions)
        for entry in signers {
            var byClinic: [ClinicID: [CategoryWish]] = [:]
            for wish in try reader.wishes(call, for: entry, at: context.now) {
                let clinics = owner == .installation ? try await writers(to: wish.who, by: entry, context) : [owner]
                for clinic in clinics { byClinic[clinic, default: []].append(wish) }
            }
            let (notice, now) = (context.requestID, context.now)
            for (clinic, wishes) in byClinic {
                let tenant = Tenant(clinic, actor: "provider:\(entry.provider)")
                try await context.database.transaction(for: tenant) { tx in
                    try wishing.take(wishes, through: entry, notice: notice, clinic: clinic, at: now, in: tx)
                }
            }
        }
    }

    /// The clinics that wrote to somebody from the installation's number.
    private func writers(
        to names: [ChannelAddress],
        by entry: ProviderEntry,
        _ context: OperationContext
    ) async throws -> Set<ClinicID> {
        let door = MessageDoor(blindIndex: intake.index.blindIndex)
        let hashes = names.map { door.hash(entry.provider, to: $0) }
        return try await context.database.through(.lookup) { tx in
            try NumberClinicStore.all(hashes, in: tx).values.reduce(into: []) { $0.formUnion($1) }
        }
    }

    /// Texts to the installation's number, each for the clinic that it answers; nobody's are counted, and said without what is in
    /// them.
    private func answered(
        _ texts: [InboundText],
        through entry: ProviderEntry,
        _ context: OperationContext
    ) async throws -> SharedTexts.Found {
        let door = MessageDoor(blindIndex: intake.index.blindIndex)
        let found = try await SharedTexts(door: door, provider: entry.provider).sorted(texts, context.database)
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
    private func bring(
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
        let (notice, now) = (context.requestID, context.now)
        let tenant = Tenant(owner, actor: "provider:\(entry.provider)")
        try await context.database.transaction(for: tenant) { tx in
            try intake.take(mails, through: entry, of: entries, notice: notice, clinic: owner, at: now, in: tx)
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
        let found = try await SharedMail(door: MessageDoor(blindIndex: intake.index.blindIndex), entries: entries)
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
            let tenant = Tenant(clinic, actor: "provider:\(entry.provider)")
            try await context.database.transaction(for: tenant) { tx in
                let texts = MailIntake.texts(mails, own: own)
                try inbound.take(texts, through: entry, clinic: clinic, at: now, in: tx)
            }
        }
    }

    /// What the account's owner should know of.
    private func alert(
        _ call: WebhookCall,
        with reader: any WebhookReader,
        _ signers: [ProviderEntry],
        _ owner: ClinicID,
        _ context: OperationContext
    ) async throws {
        var alerts: [ProviderAlert] = []
        for entry in signers {
            // Each kind is told once an hour: the first of a notice stands for the rest.
            for alert in try reader.alerts(call, for: entry, at: context.now)
            where !alerts.contains(where: { $0.kind == alert.kind }) {
                alerts.append(alert)
            }
        }
        guard !alerts.isEmpty else { return }
        let now = context.now
        try await context.database.transaction(for: Tenant(owner, actor: "system")) { [alerts] tx in
            for alert in alerts { try AlertStore.raise(alert.kind, about: alert.subject, at: now, in: tx) }
        }
    }

    /// The clinic's own provider has told it of its own messages.
    private func take(
        _ reports: [DeliveryReport],
        of signers: [ProviderEntry],
        _ clinic: ClinicID,
        _ context: OperationContext
    ) async throws {
        guard let provider = signers.first?.provider, !reports.isEmpty else { return }
        // The clinic is the path's, which the signature has proved; the caller has no scope of its own.
        let tenant = Tenant(clinic, actor: "provider:\(provider)")
        let (intake, notice, now) = (intake, context.requestID, context.now)
        try await context.database.transaction(for: tenant) { tx in
            try intake.take(reports, of: signers, notice: notice, clinic: clinic, at: now, in: tx)
        }
    }

    /// The installation's provider has told of messages of any clinic: each gets its own.
    ///
    /// - Parameter keepsUnknown: whether what is about nobody's message waits for one; never what names its recipient.
    private func share(
        _ reports: [DeliveryReport],
        of signers: [ProviderEntry],
        keepsUnknown: Bool = true,
        _ context: OperationContext
    ) async throws {
        guard let source = ReportSource(signers), !reports.isEmpty else { return }
        let (intake, notice, now) = (intake, context.requestID, context.now)
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
        let tenant = Tenant(.installation, actor: "provider:\(source.provider)")
        try await context.database.transaction(for: tenant) { [unknown = found.unknown] tx in
            try intake.keep(unknown, from: source, notice: notice, at: now, in: tx)
        }
    }

    /// The entries of whom the webhook is for, those whose account has signed it, and what it tells.
    private func read(
        _ call: WebhookCall,
        with reader: any WebhookReader,
        _ provider: String,
        _ owner: ClinicID,
        _ context: OperationContext
    ) async throws -> (all: [ProviderEntry], signers: [ProviderEntry], reports: [DeliveryReport]) {
        let entries = try await entries(of: owner, provider, context)
        var signers: [ProviderEntry] = []
        var reports: [DeliveryReport] = []
        // One account may stand behind several entries, under the same key.
        for entry in entries where entry.provider == provider {
            guard let found = try await reader.reports(call, for: entry, at: context.now) else { continue }
            signers.append(entry)
            reports += found
        }
        guard !signers.isEmpty else { throw Self.forged(provider) }
        guard reports.count <= WebhookCall.mostReports else {
            throw Problem.malformed("The notice tells of too much.")
        }
        return (entries, signers, reports)
    }

    private func entries(
        of owner: ClinicID,
        _ provider: String,
        _ context: OperationContext
    ) async throws -> [ProviderEntry] {
        let store = store
        let tenant = Tenant(owner, actor: "provider:\(provider)")
        return try await context.database.read(for: tenant) { tx in try store.load(owner, in: tx)?.entries ?? [] }
    }

    private static func forged(_ provider: String) -> Problem {
        count(provider, "forged")
        return Problem(401, "invalid_signature", "The notice is not signed by this clinic's provider.")
    }

    private static func count(_ provider: String, _ outcome: String) {
        Counter(.webhooks, [(.provider, provider), (.outcome, outcome)]).increment()
    }
}
