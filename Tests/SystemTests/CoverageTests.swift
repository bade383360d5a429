import Authorization
import Contracts
import Core
import Operator
import FoundationEssentials
import Gateway
import NIOCore
import NIOPosix
import TestKit
import Testing

extension SystemTests {
    /// Every declared operation against callers who may not, objects that are not theirs, and bodies that are wrong.
    @Suite struct CoverageTests {
        static let endpoints = EndpointCatalog.all.filter { endpoint in
            if case .internalOnly = endpoint.guard { false } else { true }
        }

        @Test(.timeLimit(.minutes(3))) func withoutATokenNothingGuardedAnswers() async throws {
            let suite = try await RunningSuite.shared.value
            for endpoint in Self.endpoints where !endpoint.guard.isPublic {
                var client = suite.api
                client.clinic = suite.demo.clinicId
                let answer = try await client.send(endpoint.verb.rawValue, path(endpoint, suite.demo.clinicId))
                #expect(answer.status == 401, "\(endpoint.name): \(answer.status)")
                client.token = "not.a.token"
                let forged = try await client.send(endpoint.verb.rawValue, path(endpoint, suite.demo.clinicId))
                #expect(forged.status == 401, "\(endpoint.name) with a forged token: \(forged.status)")
            }
        }

        @Test(.timeLimit(.minutes(5)), arguments: Role.allCases)
        func aRoleWithoutThePermissionIsRefused(role: Role) async throws {
            let suite = try await RunningSuite.shared.value
            let person = try await suite.person(with: role)
            let client = try await suite.api.signedIn(person, clinic: suite.demo.clinicId)
            try await eventually("the gateway knows of \(person.email)") {
                try await client.send("GET", "/auth/me").status == 200
            }
            let held = Set(Roles.permissionNames(of: [role]))
            var refused = 0
            for endpoint in Self.endpoints {
                guard let permission = endpoint.guard.permission else { continue }
                if held.contains(permission.name) {
                    guard endpoint.verb == .GET else { continue }
                    let answer = try await client.send("GET", path(endpoint, suite.demo.clinicId))
                    #expect(answer.status != 401 && answer.status != 403, "\(endpoint.name): \(answer.status)")
                } else {
                    let answer = try await client.send(endpoint.verb.rawValue, path(endpoint, suite.demo.clinicId))
                    #expect(answer.status == 403, "\(endpoint.name) as \(role.rawValue): \(answer.status)")
                    refused += 1
                }
            }
            #expect(refused > 0 || role == .superAdmin)
        }

        /// No operation forgets who was refused: each stands in the trail of the caller's clinic.
        @Test(.timeLimit(.minutes(3))) func everyRefusalHasItsEntry() async throws {
            let suite = try await RunningSuite.shared.value
            let role = Role.inventoryManager
            let client = try await suite.api.signedIn(try await suite.person(with: role), clinic: suite.demo.clinicId)
            let me = try await eventually("the gateway knows of them") {
                try await client.send("GET", "/auth/me").json["user"]?["id"]?.string
            }
            let held = Set(Roles.permissionNames(of: [role]))
            var refused: Set<String> = []
            for endpoint in Self.endpoints {
                guard let permission = endpoint.guard.permission, !held.contains(permission.name) else { continue }
                _ = try await client.send(endpoint.verb.rawValue, path(endpoint, suite.demo.clinicId))
                refused.insert(endpoint.auditAction)
            }
            #expect(refused.count > 30)
            let auditor = try await suite.api.signedIn(suite.demo.auditor, clinic: suite.demo.clinicId)
            let expected = refused
            try await eventually("every refusal is in the trail", within: .seconds(30)) {
                let path = "/audit/entries?actor=\(me)&outcome=denied&limit=200"
                let entries = try await auditor.expect(200, from: "GET", path).items
                return expected.isSubset(of: entries.compactMap { $0["action"]?.string })
            }
        }

        @Test(.timeLimit(.minutes(3))) func anotherClinicsObjectsAreNotThere() async throws {
            let suite = try await RunningSuite.shared.value
            let stranger = suite.demo.secondClinic
            let client = try await suite.api.signedIn(stranger.admin, clinic: suite.demo.clinicId)
            for endpoint in Self.endpoints {
                guard endpoint.guard.permission != nil else { continue }
                if case .none = endpoint.tenancy { continue }
                let answer = try await client.send(endpoint.verb.rawValue, path(endpoint, suite.demo.clinicId))
                #expect(answer.status == 404, "\(endpoint.name) of another clinic: \(answer.status)")
            }
            // In the caller's own clinic, ids of the other clinic's things are as unknown as any.
            let own = try await suite.api.signedIn(stranger.admin, clinic: stranger.clinicId)
            for path in ["/doctors/\(suite.demo.doctorId)", "/patients/\(suite.demo.patientId)"] {
                let answer = try await own.send("GET", path)
                #expect(answer.status == 404, "\(path): \(answer.status)")
            }
        }

        @Test(.timeLimit(.minutes(3))) func anUnknownKeyIsNamed() async throws {
            let suite = try await RunningSuite.shared.value
            let admin = try await suite.admin()
            let root = try await suite.superAdmin()
            let held = Set(Roles.permissionNames(of: [.clinicAdmin]))
            var checked = 0
            for endpoint in Self.endpoints {
                switch endpoint.body {
                case .json, .mergePatch: break
                case .none, .raw, .streamed: continue
                }
                var client = endpoint.guard.permission.map { held.contains($0.name) } ?? true ? admin : root
                client.clinic = suite.demo.clinicId
                let answer = try await client.send(
                    endpoint.verb.rawValue,
                    path(endpoint, suite.demo.clinicId),
                    ["surelyUnknown": true],
                    headers: ["If-None-Match": "*"]
                )
                #expect(answer.status == 422, "\(endpoint.name): \(answer.status) \(answer.text)")
                #expect(answer.text.contains("/surelyUnknown"), "\(endpoint.name) does not name the key")
                checked += 1
            }
            #expect(checked > 10)
        }

        @Test(.timeLimit(.minutes(3))) func whatIsTooLongIsRefusedBeforeItIsRead() async throws {
            let suite = try await RunningSuite.shared.value
            let token = try #require(try await suite.admin().token)
            for endpoint in Self.endpoints {
                let most =
                    switch endpoint.body {
                    case .none: 0
                    case .json, .mergePatch: 10 << 20
                    case .raw(let most, _), .streamed(let most, _): max(most, 10 << 20)
                    }
                guard most > 0 else { continue }
                let status = try await RawHTTP.status(
                    of: endpoint.verb.rawValue,
                    "/api/v1" + path(endpoint, suite.demo.clinicId),
                    at: suite.demo.baseURL,
                    headers: [
                        "Authorization: Bearer \(token)", "X-Clinic-Id: \(suite.demo.clinicId)",
                        "Content-Type: application/json", "Content-Length: \(most + 1)",
                    ]
                )
                #expect(status == 413, "\(endpoint.name): \(status)")
            }
        }

        /// The path with the clinic's id, and for everything else an id that nothing has.
        private func path(_ endpoint: any EndpointDescription, _ clinic: String) -> String {
            var path = endpoint.path
            for name in endpoint.pathParameters {
                let value =
                    switch name {
                    case "clinicId": clinic
                    case "channel": "email"
                    case "provider": "stripe"
                    case "tile": "0/000"
                    default: "\(RequestID())"
                    }
                path = path.replacing("{\(name)...}", with: value).replacing("{\(name)}", with: value)
            }
            return path
        }
    }
}

/// A request whose body is announced and never sent.
enum RawHTTP {
    static func status(
        of verb: String,
        _ path: String,
        at base: String,
        headers: [String]
    ) async throws -> Int {
        guard let parts = URLComponents(string: base), let host = parts.host, let port = parts.port else {
            throw TestKitError("not a URL: \(base)")
        }
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            let head = ["\(verb) \(path) HTTP/1.1", "Host: localhost"] + headers
            try await outbound.write(ByteBuffer(string: head.joined(separator: "\r\n") + "\r\n\r\n"))
            for try await answer in inbound {
                let words = String(buffer: answer).split(separator: " ")
                guard words.count > 1, let status = Int(words[1]) else { break }
                return status
            }
            throw TestKitError("\(verb) \(path): no reply")
        }
    }
}
