import CommunicationAPI
import Core

/// By which of a message's attempts it may have arrived: the one rule for its end, and for what is told of it later.
extension [StoredAttempt] {
    /// Those that a provider took, or of which nobody knows whether it did, unless its account has told of them or of a later one
    /// that the message did not arrive: what an account was handed again and again is one message to it.
    var standing: [StoredAttempt] {
        filter { attempt in
            (attempt.outcome == .accepted || attempt.outcome == .unknownOutcome)
                && !contains {
                    $0.isSamePlace(attempt) && $0.number >= attempt.number && $0.news?.event.isFailure == true
                }
        }
    }

    /// With what a provider tells of one of them now, unless it has told what is further.
    func told(_ event: DeliveryEvent, of number: Int, at now: Instant) -> [StoredAttempt] {
        map { attempt in
            guard attempt.number == number,
                attempt.news.map({ DeliveryRules.events(before: event, by: attempt.channel).contains($0.event) })
                    ?? true
            else { return attempt }
            var attempt = attempt
            attempt.news = AttemptNews(event: event, code: nil, at: now)
            return attempt
        }
    }
}
