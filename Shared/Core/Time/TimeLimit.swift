/// What `body` gives, or `nil` once `limit` is over: the body is cancelled then, and its end waited for.
///
/// - Throws: what `body` throws; where the caller is cancelled the body is, and usually throws `CancellationError`.
package func withTimeLimit<Value: Sendable>(
    _ limit: Duration,
    _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value? {
    let work = Task { try await body() }
    let alarm = Alarms.shared.set(after: limit) { work.cancel() }
    do {
        let value = try await withTaskCancellationHandler {
            try await work.value
        } onCancel: {
            work.cancel()
        }
        // What ends because it was told to has not ended in time, whatever it gives.
        return Alarms.shared.callOff(alarm) ? value : nil
    } catch {
        let isOver = !Alarms.shared.callOff(alarm)
        if isOver, !Task.isCancelled { return nil }
        throw error
    }
}
