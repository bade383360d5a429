import Contracts
import Core
import FoundationEssentials

/// Plays the main job against a running suite and tells it; every sentence it says was asserted through the API.
///
/// Can be played again: what the last time left is used or replaced.
final class DemoStory: Sendable {
    let demo: DemoFile
    let api: APIClient
    let sandbox: APIClient
    /// The program that verifies the export bundle: `polyclinic audit verify`.
    let verify: @Sendable (_ bundle: String) async throws -> String
    private let tell: @Sendable (String) -> Void

    init(
        _ demo: DemoFile,
        tell: @escaping @Sendable (String) -> Void,
        verify: @escaping @Sendable (_ bundle: String) async throws -> String
    ) {
        self.demo = demo
        self.tell = tell
        self.verify = verify
        api = APIClient(demo.baseURL + "/api/v1")
        sandbox = APIClient(demo.sandbox.url)
    }

    func play() async throws {
        try await configure()
        let message = try await reachAPatient()
        try await openAndCloseTheCircuit()
        let visit = try await bookAndPay()
        try await audit(message: message, visit: visit)
        tell("\nAll of it held.")
    }

    func chapter(_ title: String) { tell("\n\(title)") }
    func say(_ sentence: String) { tell("  ✓ \(sentence)") }

    func person(_ person: DemoFile.Person) async throws -> APIClient {
        try await api.signedIn(person, clinic: demo.clinicId)
    }

    /// Replaces a provider configuration, whether there is one yet or not.
    func put(_ path: String, _ body: JSONValue, by client: APIClient) async throws -> APIClient.Answer {
        let present = try await client.expect(200, 404, from: "GET", path)
        let condition = present.headers["etag"].map { ["If-Match": $0] } ?? ["If-None-Match": "*"]
        return try await client.expect(200, 201, from: "PUT", path, body, headers: condition)
    }

    func check(_ holds: Bool, _ otherwise: @autoclosure () -> String) throws {
        guard holds else { throw Unexpected(otherwise()) }
    }
}
