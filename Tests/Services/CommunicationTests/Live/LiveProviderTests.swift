import CommunicationAPI
import Contracts
import Core
import FoundationEssentials
import TestKit
import Testing

@testable import Communication

/// The contract with the providers themselves, in their test modes, where the environment has credentials (`make test-live`).
///
/// `POLYCLINIC_LIVE_<CHANNEL>_<PROVIDER>` holds an entry's credentials as a configuration has them, in JSON;
/// `POLYCLINIC_LIVE_<CHANNEL>_<PROVIDER>_TO` an address that may get a message of the test's. By WhatsApp it is Meta's template
/// `hello_world`, which every account has; to Twilio's number the address has to have written within a day.
@Suite(.serialized, .timeLimit(.minutes(5))) struct LiveProviderTests {
    typealias Place = ProviderContract.Place

    static let places = ProviderContract.places

    private static func variable(_ place: Place, _ ending: String = "") throws -> String {
        let name = "POLYCLINIC_LIVE_\(place.channel.rawValue)_\(place.provider)\(ending)".uppercased()
        guard let text = ProcessInfo.processInfo.environment[name], !text.isEmpty else {
            // Nothing else tells of cases that were cancelled.
            print("skipped: \(name) is not set")
            try Test.cancel("\(name) is not set")
        }
        return text
    }

    private func contract(_ place: Place) throws -> ProviderContract {
        let text = try Self.variable(place)
        guard case .object(let credentials) = try JSONTape(Array(text.utf8)).decode(JSONValue.self) else {
            throw TestKitError("the credentials of \(place.testDescription) are no JSON object")
        }
        return ProviderContract(place: place, credentials: credentials, allowed: "public")
    }

    @Test(arguments: places) func itLetsUsIn(_ place: Place) async throws { try await contract(place).letsUsIn() }

    @Test(arguments: places.filter(\.canBeRefused)) func itKeepsOthersOut(_ place: Place) async throws {
        try await contract(place).keepsOthersOut()
    }

    @Test(arguments: places) func itTakesAMessage(_ place: Place) async throws {
        let contract = try contract(place)
        try await contract.takesAMessage(to: try Self.variable(place, "_TO"))
    }
}
