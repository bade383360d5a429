import AsyncHTTPClient
import Core
import NIOCore
import NIOHTTP1

/// Twilio fetches the files of messages from where they are said to be.
enum TwilioMedia {
    /// The code of a file that could not be fetched.
    static let unreachable = 63_019
    private static let largest = 16 << 20

    /// `nil` when one of them is not to be had.
    static func fetch(_ urls: [String]) async -> [ReceivedFile]? {
        var files: [ReceivedFile] = []
        for url in urls {
            guard
                let response = try? await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(10)),
                response.status == .ok, let type = response.headers.first(name: "Content-Type"),
                let body = try? await response.body.collect(upTo: largest)
            else { return nil }
            let disposition = response.headers.first(name: "Content-Disposition") ?? ""
            files.append(
                ReceivedFile(
                    name: disposition.split(separator: "''").last.map(String.init) ?? "file",
                    type: type,
                    contentID: nil,
                    bytes: Array(body.readableBytesView)
                )
            )
        }
        return files
    }
}
