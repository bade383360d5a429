import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import ServiceHost
import Vault

/// Answers providers that ask, before they send notices, whether the address is the clinic's.
struct HandshakeHandlers: Sendable {
    let endpoint: Endpoint<WebhookHandshake, HandshakeAnswer>
    let store: ProviderConfigStore

    func register(in table: inout HandlerTable) {
        table.stream(endpoint) { [self] input, _, _, tx in try answer(input, in: tx) }
    }

    private func answer(_ input: WebhookHandshake, in tx: borrowing Transaction) throws -> StreamPage {
        guard input.provider == MetaWhatsAppProvider.name, input.clinicId != .installation else {
            throw Problem.notFound
        }
        let entries = try store.load(input.clinicId, in: tx)?.entries ?? []
        var isKnown = false
        for entry in entries where entry.provider == input.provider {
            guard let token = entry.credentials.text("verifyToken") else { continue }
            if constantTimeEqual(Array(token.utf8), Array(input.verifyToken.utf8)) { isKnown = true }
        }
        guard isKnown, input.mode == "subscribe" else {
            throw Problem(403, "invalid_verify_token", "The verify token is not this clinic's.")
        }
        return StreamPage(Array(input.challenge.utf8), contentType: "text/plain; charset=utf-8", next: nil)
    }
}
