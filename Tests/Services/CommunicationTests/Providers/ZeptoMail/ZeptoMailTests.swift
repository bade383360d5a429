import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig
import TestKit
import Testing

@testable import Communication

@Suite struct ZeptoMailTests {
    private func provider(_ changes: [String: JSONValue] = [:]) throws -> ZeptoMailProvider {
        let credentials = ProviderSamples.credentials(["sendMailToken": "wSsVR61-token"].merging(changes) { $1 })
        return try #require(ZeptoMailProvider(credentials, through: ProviderSamples.transports()))
    }

    @Test func theRequestToTheByte() throws {
        let plain = try provider(["fromName": "Clinic"]).sending(ProviderSamples.email(full: false))
        var email = try ProviderSamples.email()
        email.unsubscribeLink = "https://clinic.example/api/v1/public/unsubscribe/t0"
        let full = try provider(["region": "in"]).sending(email)
        let files = try provider(["endpoint": "http://127.0.0.1:8090/zeptomail"]).sending(
            ProviderSamples.emailWithFiles()
        )
        try Golden.check(
            [plain, full, files].map(ProviderSamples.text).joined(separator: "\n\n\n") + "\n",
            "providers/zeptomail.txt"
        )
        #expect(!String(reflecting: plain).contains("wSsVR61") && !"\(plain)".contains("asha"))
    }

    /// Their console copies the token with its scheme: it stands there once, either way.
    @Test(arguments: ["wSsVR61-token", "Zoho-enczapikey wSsVR61-token"]) func theSchemeStandsOnce(token: String) throws
    {
        let call = try provider(["sendMailToken": .string(token)]).sending(ProviderSamples.email(full: false))
        let value = call.headers.first { $0.name == "Authorization" }?.value
        #expect(value == "Zoho-enczapikey wSsVR61-token")
    }

    /// A token is good in its own data centre only.
    @Test(arguments: ZeptoMailProvider.regions) func eachDataCentreHasItsHost(region: String) throws {
        let call = try provider(["region": .string(region)]).sending(ProviderSamples.email(full: false))
        #expect(call.url == "https://api.zeptomail.\(region)/v1.1/email")
        let policy = try OutboundPolicy(allow: nil)
        #expect(
            ZeptoMailProvider.faults(ProviderSamples.credentials(["region": .string(region)]), policy: policy).isEmpty
        )
        #expect(
            ZeptoMailProvider.faults(ProviderSamples.credentials(["region": "xx"]), policy: policy).first?.key
                == "region"
        )
    }
}
