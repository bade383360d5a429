import Contracts
import Core
import Metrics
import Telemetry

/// Webhooks of providers that nobody has configured end here.
extension Gateway {
    /// Throws what the service would say to a webhook of a provider that it does not read, or that the clinic does not have:
    /// 404 or 401.
    ///
    /// A provider's question before its first webhook is passed on: answering it costs the service no more than being asked.
    func refuseStranger(
        _ operation: Operation,
        _ parameters: Parameters,
        _ exchange: Exchange
    ) async throws(Problem) {
        guard exchange.isWebhook, operation.verb == .POST,
            let provider = parameters.first(where: { $0.name == "provider" })?.value,
            // Whatever is no name at all is refused with the rest of the input.
            provider.unicodeScalars.count <= WebhookPayload.longestProvider,
            let owner = owner(operation, exchange)
        else { return }
        switch await webhooks.verdict(on: .init(service: operation.service, provider: provider, owner: owner)) {
        case .passedOn: return
        case .unreadable:
            count("webhook_provider_unknown", operation)
            throw .notFound
        case .notConfigured:
            count("webhook_provider_not_configured", operation)
            throw .invalidSignature
        }
    }

    /// Whose webhook it is; `nil` where the service has to say that it is nobody's.
    private func owner(_ operation: Operation, _ exchange: Exchange) -> ClinicID? {
        if case .none = operation.tenancy { return .installation }
        return exchange.clinic == .installation ? nil : exchange.clinic
    }

    private func count(_ reason: String, _ operation: Operation) {
        Counter(.httpRefusals, [(.reason, reason), (.service, operation.service.rawValue)]).increment()
    }
}
