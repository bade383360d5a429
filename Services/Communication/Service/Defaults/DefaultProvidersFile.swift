import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig
import Settings

/// The operator's default providers as a file gives them: what a PUT of them takes, checked as a PUT is.
struct DefaultProvidersFile: Sendable {
    /// The setting; the file is named by `POLYCLINIC_DEFAULT_PROVIDERS_FILE`.
    static let key = "POLYCLINIC_DEFAULT_PROVIDERS"

    let drafts: [ProviderEntryDraft]
    /// Messages per second, by provider.
    let rates: [String: Double]?

    /// Reads the setting; `nil` when it is not set.
    ///
    /// Throws `SettingsError`, or `DefaultProvidersFault` with every fault.
    init?(_ settings: Settings, of providers: MessageProviders, policy: OutboundPolicy) throws {
        guard let text = try settings.secret(Self.key) else { return nil }
        do {
            let read = try Self.read(Array(text.unredacted.utf8), providers, policy)
            drafts = read.drafts
            rates = read.rates
        } catch {
            throw DefaultProvidersFault(error)
        }
    }

    private static func read(
        _ json: [UInt8],
        _ providers: MessageProviders,
        _ policy: OutboundPolicy
    ) throws(Problem) -> (drafts: [ProviderEntryDraft], rates: [String: Double]?) {
        let tape = try JSONTape(json)
        let schema: Schema
        let draft: DefaultProvidersDraft
        do { schema = try Schema.of(DefaultProvidersDraft.self) } catch { throw .internal }
        let faults = schema.violations(in: tape)
        guard faults.isEmpty else { throw .invalid(faults) }
        do { draft = try tape.decode(DefaultProvidersDraft.self) } catch { throw .malformed("It cannot be read.") }
        let drafts = ConfigurationEditor.drafts(of: draft.chains)
        guard !drafts.isEmpty else { throw DefaultProvidersDraft.empty }
        _ = try ProviderConfigDraft(drafts, of: providers.shapes, rules: providers.rules(policy))
            .entries(
                replacing: [],
                version: 1,
                by: "",
                at: .now(),
                beside: SendingRate.faults(draft.rates, at: "/rates", providers)
            ) { _ in "" }
        return (drafts, draft.rates)
    }
}

/// What is wrong with the file of default providers: places and rules, never a value.
struct DefaultProvidersFault: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ problem: Problem) {
        let faults = problem.errors.map { "\($0.pointer ?? "") \($0.detail)" }
        let what = faults.isEmpty ? problem.detail : faults.joined(separator: "; ")
        description = "The file named by \(DefaultProvidersFile.key)_FILE cannot be used: \(what)"
    }
}
