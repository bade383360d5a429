/// Waits until `condition` gives a value that is not `nil`, asking again and again; throws when `limit` has passed.
///
/// For effects that another process or task brings about. Errors of the condition are thrown at once.
@discardableResult
package func eventually<R>(
    _ what: String = "the condition",
    within limit: Duration = .seconds(60),
    _ condition: () async throws -> R?
) async throws -> R {
    let deadline = ContinuousClock.now + limit
    var pause: Duration = .milliseconds(2)
    while true {
        if let value = try await condition() { return value }
        guard ContinuousClock.now < deadline else { throw TestKitError("\(what) did not hold within \(limit)") }
        try await ContinuousClock().sleep(for: pause)
        pause = min(pause * 2, .milliseconds(50))
    }
}

/// Waits until `condition` is true.
package func eventually(
    _ what: String = "the condition",
    within limit: Duration = .seconds(60),
    _ condition: () async throws -> Bool
) async throws {
    let _: Bool = try await eventually(what, within: limit) { try await condition() ? true : nil }
}
