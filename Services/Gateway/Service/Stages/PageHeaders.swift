import Bus
import NIOHTTP1

/// The header that reaches the service of an operation which answers people with a page: the languages that they read.
enum PageHeaders {
    /// Longest list of languages that is passed on, in bytes; a longer one is left out.
    static let most = 256

    /// - Parameter media: what the reply is to be written as.
    static func passedOn(_ media: String, _ head: RequestHead) -> [String: String] {
        guard media == "text/html" else { return [:] }
        let languages = head.fields[BusRequest.acceptLanguage].joined(separator: ",")
        guard !languages.isEmpty, languages.utf8.count <= most else { return [:] }
        return [BusRequest.acceptLanguage: languages]
    }
}
