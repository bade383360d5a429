import Contracts
import Core
import Outbound
import ProviderConfig

/// Hands out the files that came with messages to one provider's accounts.
protocol MediaKeeper: Sendable {
    func fetch(_ media: InboundText.Media, for entry: ProviderEntry, deadline: Deadline) async -> FetchedFile
}

/// Gets a file from where a provider holds it.
///
/// The provider's credentials are shown at the addresses that are its own; wherever those lead, there are none to show. Every
/// address is held against the outbound policy, and so is what its name leads to, at each step.
struct MediaDownload: Sendable {
    /// Times that one address may lead to another.
    static let mostHops = 3

    let http: OutboundHTTP

    /// - Parameters:
    ///   - authorization: shown in the first request alone; `nil` where the address itself is the right to it.
    ///   - origins: scheme, host and port of the provider's own addresses, one of which it must be.
    ///   - type: what the file is said to be, where the answer does not say.
    func get(
        _ url: String,
        authorization: String?,
        at origins: Set<String>,
        type: String?,
        deadline: Deadline
    ) async -> FetchedFile {
        guard let origin = Self.origin(of: url), origins.contains(origin) else { return .refused("foreign_address") }
        var url = url
        for hop in 0...Self.mostHops {
            var headers = [("User-Agent", ProviderCall.userAgent)]
            if hop == 0, let authorization { headers.append(("Authorization", authorization)) }
            let answer: OutboundResponse
            do throws(OutboundFailure) {
                answer = try await http.send(
                    method: "GET",
                    url: url,
                    headers: headers,
                    deadline: deadline,
                    maxResponse: InboundFileRules.largest
                )
            } catch {
                return Self.finding(after: error)
            }
            guard [301, 302, 303, 307, 308].contains(answer.status) else { return Self.finding(in: answer, type) }
            guard let next = answer.header("location"), Self.origin(of: next) != nil else {
                return .refused("bad_address")
            }
            url = next
        }
        return .refused("too_many_hops")
    }

    /// Scheme, host and port of an address; `nil` for what is none.
    static func origin(of url: String) -> String? {
        (try? OutboundURL(url)).map { "\($0.isEncrypted ? "https" : "http")://\($0.authority.lowercased())" }
    }

    private static func finding(in answer: OutboundResponse, _ declared: String?) -> FetchedFile {
        switch answer.status {
        case 200:
            guard let type = InboundFileRules.type(answer.header("content-type")) ?? InboundFileRules.type(declared),
                InboundFileRules.isOf(type, answer.body)
            else { return .refused("type_not_kept") }
            return .kept(bytes: answer.body, type: type)
        case 404, 410: return .refused("not_there")
        // A credential may be mended, and a provider recovers.
        case 401, 403, 408, 429, 500...: return .later
        default: return .refused("provider_refused")
        }
    }

    private static func finding(after failure: OutboundFailure) -> FetchedFile {
        switch failure {
        case .notSent(.policy): .refused("address_not_allowed")
        case .lost(.tooLarge): .refused("too_large")
        default: .later
        }
    }
}
