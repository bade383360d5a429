import Contracts
import Core
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

    private func calls(file: String = #filePath) throws -> [Call] {
        let tests = URL(filePath: file).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let data = try Data(contentsOf: tests.appending(path: "Golden/providers/sdk_requests.json"))
        guard case .array(let items) = try JSONTape(Array(data)).decode(JSONValue.self)["calls"] else {
            throw TestKitError("no calls")
        }
        return try items.map { item in
            let target = try #require(item["target"]?.string)
            guard case .object(let headers) = item["headers"] else { throw TestKitError("no headers") }
            let parts = target.dropFirst().split(separator: "/", maxSplits: 1)
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
        default: Resend(messages: messages)
        }
    }

    @Test func whatTheSDKsSendIsTaken() async throws {
        let messages = MessageStore()
        let calls = try calls().filter { ["aws_ses", "sendgrid", "resend"].contains($0.provider) }
        #expect(
            calls.map(\.provider).sorted() == [
                "aws_ses", "aws_ses", "aws_ses", "resend", "resend", "sendgrid", "sendgrid",
            ]
        )
        for call in calls {
            let reply = try await provider(messages, call).answer(call.request, path: call.path)
            #expect((200...299).contains(reply.status), "\(call.path): \(String(decoding: reply.body, as: UTF8.self))")
        }
        #expect(messages.all.map(\.provider) == ["aws_ses", "aws_ses", "sendgrid", "resend"])
        #expect(messages.all.allSatisfy { $0.to == ["patient@example.org"] && $0.from == "hello@clinic.example" })
        #expect(messages.all.allSatisfy { $0.subject?.hasPrefix("Your visit") == true })
        #expect(messages.all.allSatisfy { $0.text?.hasPrefix("See you soon.") == true })
        #expect(messages.all.map(\.reference) == ["m-1", nil, "m-1", "m-1"])
    }

    @Test func whatTwiliosSDKSendsIsTaken() async throws {
        let messages = MessageStore()
        let calls = try calls().filter { $0.provider == "twilio" }
        for call in calls {
            let reply = try await provider(messages, call).answer(call.request, path: call.path)
            #expect((200...299).contains(reply.status), "\(call.path): \(String(decoding: reply.body, as: UTF8.self))")
        }
        #expect(calls.count == 4)
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
