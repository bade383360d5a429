import CommunicationAPI
import Core

/// How large a mail becomes on its way, and how large its providers let it be.
enum EmailSize {
    /// For header, texts and what stands around the parts, in bytes.
    static let overhead = 512 * 1_024

    /// The bytes of a mail with such files: in base64, in lines of 76.
    static func estimate(_ files: [AttachedFile]) -> Int {
        files.reduce(overhead) { $0 + ($1.size + 2) / 3 * 4 * 78 / 76 }
    }
}

extension MessageProviders {
    /// Whether a mail with such files is not too large for a provider.
    func fits(_ files: [AttachedFile], through provider: String) -> Bool {
        mostBytes(of: provider).map { EmailSize.estimate(files) <= $0 } ?? true
    }

    /// The largest mail that any of the providers takes; `nil` where one names no limit, or there is none.
    func capacity(of providers: [String]) -> Int? {
        let capacities = providers.map { mostBytes(of: $0) }
        return capacities.contains(nil) ? nil : capacities.compactMap { $0 }.max()
    }
}
