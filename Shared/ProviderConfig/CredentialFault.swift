package import Core

/// What is wrong with one of an entry's credentials beyond their shape.
package struct CredentialFault: Sendable, Hashable {
    /// The credential's; `nil` where the provider itself is meant.
    package var key: String?
    package var detail: String
    /// What clients branch on; `nil` where that is the place alone.
    package var code: String?

    package init(_ key: String?, _ detail: String, code: String? = nil) {
        self.key = key
        self.detail = detail
        self.code = code
    }

    /// As a client is told of it.
    ///
    /// - Parameter pointer: where the entry stands in the request.
    package func told(at pointer: String) -> Problem.Fault {
        .init(pointer: key.map { "\(pointer)/credentials/\($0)" } ?? "\(pointer)/provider", detail)
    }
}
