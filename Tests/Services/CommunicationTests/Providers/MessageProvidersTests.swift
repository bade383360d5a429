import CommunicationAPI
import ProviderConfig
import Testing

@testable import Communication

/// What the list of all providers says of them.
@Suite struct MessageProvidersTests {
    private let all = MessageProviders.builtIn

    @Test func everySecretOfTheirDocumentationIsOne() {
        let secrets = all.types.flatMap { type in type.shape.secretKeys.map { "\(type.name).\($0)" } }
        #expect(
            Set(secrets) == [
                "zeptomail.sendMailToken", "zeptomail.webhookSecret", "smtp.verifyToken", "aws_ses.secretAccessKey",
                "aws_sns.secretAccessKey", "smtp.password", "sendgrid.apiKey", "resend.apiKey", "resend.webhookSecret",
                "twilio.authToken", "meta.accessToken", "meta.appSecret", "meta.verifyToken", "fcm.serviceAccount",
            ]
        )
    }

    @Test func whatWebhooksAreSignedWithMayRotate() {
        let keys = all.types.reduce(into: [String: Set<String>]()) { found, type in
            let signing = type.shape.keys.filter(\.signsWebhooks).map(\.name)
            if !signing.isEmpty { found[type.name, default: []].formUnion(signing) }
        }
        #expect(
            keys == [
                "zeptomail": ["webhookSecret"], "smtp": ["verifyToken"], "sendgrid": ["webhookPublicKey"],
                "resend": ["webhookSecret"], "twilio": ["authToken"], "meta": ["appSecret"],
            ]
        )
    }

    /// A webhook's address and a file's provider say the name and no channel.
    @Test func thoseOfOneNameShareWebhooksAndFiles() throws {
        let transports = try ProviderSamples.transports()
        for name in all.names {
            let types = all.types.filter { $0.name == name }
            let readers = Set(types.map { $0.webhookReader(through: transports).map { "\(type(of: $0))" } })
            let keepers = Set(types.map { $0.mediaKeeper(through: transports).map { "\(type(of: $0))" } })
            #expect(readers.count == 1 && keepers.count == 1, "\(name): \(readers), \(keepers)")
        }
        #expect(Set(all.readers(through: transports).keys) == Set(all.names).subtracting(["fcm"]))
        #expect(Set(all.keepers(through: transports).keys) == ["twilio", "meta", "resend"])
    }

    @Test func whatOneKeepsIsMadeOnce() async throws {
        final class Kept: Sendable {}
        let transports = try ProviderSamples.transports()
        let found = await withTaskGroup(of: ObjectIdentifier.self) { group in
            let first = transports.shared(Kept())
            for _ in 0..<20 { group.addTask { ObjectIdentifier(transports.shared(Kept())) } }
            return await group.reduce(into: Set([ObjectIdentifier(first)])) { $0.insert($1) }
        }
        #expect(found.count == 1)
    }
}
