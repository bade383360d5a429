import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import ServiceHost
import Vault

/// Answers providers that ask, before they send webhooks, whether the address is the clinic's.
struct HandshakeHandlers: Sendable {
    let endpoints: DeliveryEndpoints
    let store: ProviderConfigStore
    let readers: [String: any WebhookReader]

    func register(in table: inout HandlerTable) {
        table.stream(endpoints.handshake) { [self] input, _, _, tx in
            // The installation's own have an address of their own.
            guard input.clinicId != .installation else { throw Problem.notFound }
            let question = SharedHandshake(
                provider: input.provider,
                mode: input.mode,
                verifyToken: input.verifyToken,
                challenge: input.challenge
            )
            return try answer(question, of: input.clinicId, in: tx)
        }
        table.stream(endpoints.sharedHandshake) { [self] input, _, _, tx in
            try answer(input, of: .installation, in: tx)
        }
    }

    private func answer(
        _ input: SharedHandshake,
        of owner: ClinicID,
        in tx: borrowing Transaction
    ) throws -> StreamPage {
        guard let reader = readers[input.provider] else { throw Problem.notFound }
        guard reader.asksBefore else {
            throw Problem(
                405,
                "method_not_allowed",
                "The provider sends its webhooks here and asks nothing.",
                allow: ["POST"]
            )
        }
        guard let mode = input.mode, let verifyToken = input.verifyToken, let challenge = input.challenge else {
            throw Problem.malformed("A handshake has hub.mode, hub.verify_token and hub.challenge.")
        }
        let entries = try store.load(owner, in: tx)?.entries ?? []
        var isKnown = false
        for entry in entries where entry.provider == input.provider {
            guard let token = entry.credentials.text("verifyToken") else { continue }
            if constantTimeEqual(Array(token.utf8), Array(verifyToken.utf8)) { isKnown = true }
        }
        guard isKnown, mode == "subscribe" else {
            throw Problem(403, "invalid_verify_token", "The verify token is not the one of this address.")
        }
        return StreamPage(Array(challenge.utf8), contentType: "text/plain; charset=utf-8", next: nil)
    }
}
