/// A refusal an operation may answer with, beyond those every operation has.
package struct ErrorCode: Hashable, Sendable {
    package let status: Int
    /// Stable, snake_case.
    package let code: String

    package init(_ status: Int, _ code: StaticString) {
        self.status = status
        self.code = code.description
    }
}
