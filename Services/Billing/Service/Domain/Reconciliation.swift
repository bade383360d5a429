import Core

/// When a payment under way is looked at again, should no notice come.
enum Reconciliation {
    /// The first look: by then an answer or a notice has usually come.
    static let first: Duration = .seconds(60)
    /// After so long nobody pays it any more.
    static let last: Duration = .seconds(7 * 86_400)

    /// The pause until the next look at a payment of this age; `nil` when there is none.
    static func pause(age: Duration) -> Duration? {
        switch age {
        case ..<Duration.seconds(600): .seconds(60)
        case ..<Duration.seconds(3_600): .seconds(600)
        case ..<Duration.seconds(86_400): .seconds(3_600)
        case ..<last: .seconds(6 * 3_600)
        default: nil
        }
    }
}
