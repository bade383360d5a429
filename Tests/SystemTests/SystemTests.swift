import Core
import Operator
import TestKit
import Testing

/// The whole suite from outside.
///
/// Its tests break what they share, so they run one after the other.
@Suite(.serialized) struct SystemTests {
    @Test(.timeLimit(.minutes(5))) func everythingComesUpAndWorks() async throws {
        let suite = try await RunningSuite.shared.value
        let accepted = try await Load(suite).run {}
        try await Ledger(suite: suite).check(accepted, mayBeUnknown: false)
    }
}
