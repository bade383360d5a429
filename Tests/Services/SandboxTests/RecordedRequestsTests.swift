import Contracts
import Core
import CryptoExtras
import FoundationEssentials
import Synchronization
import TestKit
import Testing

@testable import Sandbox

/// What the providers' own SDKs put on the wire, played to the sandbox: it has to take what the real ones take.
@Suite struct RecordedRequestsTests {
    private struct Call {
        let provider: String
        let path: String
        var request: SandboxRequest
    }

    private func recorded(file: String = #filePath) throws -> JSONValue {
        let tests = URL(filePath: file).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let data = try Data(contentsOf: tests.appending(path: "Golden/providers/sdk_requests.json"))
        return try JSONTape(Array(data)).decode(JSONValue.self)
    }

    private func calls() throws -> [Call] {
        guard case .array(let items) = try recorded()["calls"] else { throw TestKitError("no calls") }
        return try items.map { item in
            let target = try #require(item["target"]?.string)
            guard case .object(let headers) = item["headers"] else { throw TestKitError("no headers") }
            let path = target.dropFirst().split(separator: "?").first ?? ""
            let parts = path.split(separator: "/", maxSplits: 1)
            return Call(
                provider: String(parts[0]),
                path: "/" + (parts.dropFirst().first ?? ""),
                request: SandboxRequest(
                    method: try #require(item["method"]?.string),
                    path: target,
                    target: target,
                    query: [],
                    headers: headers.mapValues { $0.string ?? "" },
                    body: Array((item["body"]?.string ?? "").utf8)
                )
            )
        }
    }

    /// SES at the moment when the request was signed.
    private func ses(_ messages: MessageStore, _ call: Call, later: Duration = .zero) throws -> AWSSES {
        let time = try time(of: call)
        return AWSSES(messages: messages, now: { time + later })
    }

    private func time(of call: Call) throws -> Instant {
        let stamp = Array(try #require(call.request.headers["x-amz-date"]))
        let day = "\(String(stamp[0..<4]))-\(String(stamp[4..<6]))-\(String(stamp[6..<8]))"
        let clock = "\(String(stamp[9..<11])):\(String(stamp[11..<13])):\(String(stamp[13..<15]))"
        return try #require(Instant(rfc3339: "\(day)T\(clock)Z"))
    }

    private func provider(_ messages: MessageStore, _ call: Call) throws -> any SandboxProvider {
        switch call.provider {
        case "aws_ses": try ses(messages, call)
        case "twilio": Twilio(messages: messages)
        case "sendgrid": SendGrid(messages: messages)
        case "meta": Meta(messages: messages)
        default: Resend(messages: messages)
        }
    }

    /// FCM with the account that signed, at the moment when it did.
    private func fcm(_ messages: MessageStore, _ exchange: Call) throws -> FCM {
        let account = try #require(try recorded()["serviceAccount"])
        let form = try #require(FormBody.parse(exchange.request.body))
        let claims = try #require(form.first { $0.name == "assertion" }?.value.split(separator: ".").dropFirst().first)
        let json = try JSONTape(try #require(Base64URL.decode(claims))).decode(JSONValue.self)
        guard case .integer(let issued) = json["iat"] else { throw TestKitError("no time") }
        let known = FCMAccounts.Account(
            project: account["project"]?.string ?? "",
            email: account["email"]?.string ?? "",
            key: try _RSA.Signing.PublicKey(pemRepresentation: account["publicKey"]?.string ?? "")
        )
        let now = Instant(seconds: issued + 1)
        return FCM(messages: messages, accounts: FCMAccounts([known], now: { now }), now: { now })
    }

    @Test func whatTheSDKsSendIsTaken() async throws {
        let messages = MessageStore()
        let calls = try calls().filter { ["aws_ses", "sendgrid", "resend", "meta"].contains($0.provider) }
        #expect(
            calls.map(\.provider).sorted() == ["aws_ses", "aws_ses", "aws_ses"]
                + Array(repeating: "meta", count: 9) + ["resend", "resend", "sendgrid", "sendgrid"]
        )
        for call in calls {
            let reply = try await provider(messages, call).answer(call.request, path: call.path)
            #expect((200...299).contains(reply.status), "\(call.path): \(String(decoding: reply.body, as: UTF8.self))")
        }
        let whatsapp = messages.all.filter { $0.provider == "meta" }
        #expect(
            whatsapp.map(\.text) == [
                "See you soon. नमस्ते", "Will you come?", "Asha\nMonday, 9:00", "The way", "Your letter",
                "When will you come?", "481516",
            ]
        )
        #expect(whatsapp.allSatisfy { $0.to == ["+919876543210"] && $0.reference == "m-1" })
        let mails = messages.all.filter { $0.provider != "meta" }
        #expect(mails.map(\.provider) == ["aws_ses", "aws_ses", "sendgrid", "resend"])
        #expect(mails.allSatisfy { $0.to == ["patient@example.org"] && $0.from == "hello@clinic.example" })
        #expect(mails.allSatisfy { $0.subject?.hasPrefix("Your visit") == true })
        #expect(mails.allSatisfy { $0.text?.hasPrefix("See you soon.") == true })
        #expect(mails.map(\.reference) == ["m-1", nil, "m-1", "m-1"])
    }

    @Test func whatGooglesSDKsSignAndSendIsTaken() async throws {
        let messages = MessageStore()
        let calls = try calls().filter { $0.provider == "fcm" }
        try #require(calls.map(\.path).filter { $0 == "/token" }.count == 1 && calls.count == 3)
        let fcm = try fcm(messages, calls[0])
        let exchange = await fcm.answer(calls[0].request, path: calls[0].path)
        let token = try #require(try JSONTape(exchange.body).decode(JSONValue.self)["access_token"]?.string)
        for call in calls.dropFirst() {
            let request = altered(call.request, headers: ["authorization": "Bearer \(token)"])
            let reply = await fcm.answer(request, path: call.path)
            #expect(reply.status == 200, "\(String(decoding: reply.body, as: UTF8.self))")
        }
        #expect(messages.all.map(\.text) == ["See you soon."] && messages.all.map(\.reference) == ["m-1"])
        var changed = calls[0].request.body
        changed[changed.count - 80] ^= 1
        let refused = await fcm.answer(altered(calls[0].request, body: changed), path: "/token")
        #expect(refused.status == 400)
    }

    @Test func whatTwiliosSDKSendsIsTaken() async throws {
        let messages = MessageStore()
        let calls = try calls().filter { $0.provider == "twilio" }
        for call in calls {
            let reply = try await provider(messages, call).answer(call.request, path: call.path)
            #expect((200...299).contains(reply.status), "\(call.path): \(String(decoding: reply.body, as: UTF8.self))")
        }
        // The one with a file is taken and arrives nowhere, as the file cannot be fetched.
        #expect(calls.count == 5)
        #expect(messages.all.map(\.channel) == ["sms", "whatsapp", "sms"])
        #expect(messages.all.map(\.text) == ["Your visit – नमस्ते & +1", "Asha\n10:30", "See you soon."])
        #expect(messages.all.map(\.reference) == ["m-1", nil, nil])
        #expect(messages.all.allSatisfy { $0.to == ["+4915112345678"] })
    }

    @Test func whatBotoPublishesIsTaken() async throws {
        let messages = MessageStore()
        let calls = try calls().filter { $0.provider == "aws_sns" }
        let now = Mutex(try time(of: try #require(calls.first)))
        let sns = AWSSNS(messages: messages, now: { now.withLock { $0 } })
        for call in calls {
            let time = try time(of: call)
            now.withLock { $0 = time }
            let reply = await sns.answer(call.request, path: call.path)
            #expect(reply.status == 200, "\(call.path): \(String(decoding: reply.body, as: UTF8.self))")
        }
        #expect(calls.count == 5)
        #expect(messages.all.map(\.channel) == ["sms", "push"])
        #expect(messages.all.map(\.text) == ["Your visit – नमस्ते & +1", "Hi"])
        #expect(messages.all.map(\.to) == [["+4915112345678"], ["device-token-1"]])
        #expect(messages.all.map(\.subject) == [nil, "Clinic"])
    }

    @Test func whatIsChangedOnTheWayIsNot() async throws {
        let original = try #require(try calls().first)
        let messages = MessageStore()
        var changed: [(String, Call)] = []
        var call = original
        call.request = altered(original.request, body: original.request.body + [0x20])
        changed.append(("body", call))
        call.request = altered(original.request, target: original.request.target + "?a=b")
        changed.append(("query", call))
        call.request = altered(original.request, target: original.request.target + "x")
        changed.append(("path", call))
        for name in ["host", "content-type", "authorization"] {
            let value = (original.request.headers[name] ?? "").dropLast()
            call.request = altered(original.request, headers: [name: String(value)])
            changed.append((name, call))
        }
        for (what, call) in changed {
            let reply = try await ses(messages, call).answer(call.request, path: call.path)
            #expect(reply.status == 403, "\(what)")
            #expect(reply.headers.contains { $0 == ("x-amzn-ErrorType", "SignatureDoesNotMatch") }, "\(what)")
        }
        for minutes in [-6, 6] {
            let late = try ses(messages, original, later: .seconds(60 * minutes))
            let reply = await late.answer(original.request, path: original.path)
            let text = String(decoding: reply.body, as: UTF8.self)
            #expect(
                reply.status == 403 && text.contains(minutes > 0 ? "Signature expired" : "Signature not yet current")
            )
        }
        #expect(messages.all.isEmpty)
    }

    private func altered(
        _ request: SandboxRequest,
        target: String? = nil,
        headers: [String: String] = [:],
        body: [UInt8]? = nil
    ) -> SandboxRequest {
        SandboxRequest(
            method: request.method,
            path: request.path,
            target: target ?? request.target,
            query: [],
            headers: request.headers.merging(headers) { $1 },
            body: body ?? request.body
        )
    }
}
