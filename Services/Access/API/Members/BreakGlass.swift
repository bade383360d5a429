package import Contracts
package import Core

/// Emergency access to one patient's record: for reading only, for minutes, reviewed afterwards.
package struct BreakGlass: Wire, Hashable {
    package enum Verdict: String, Hashable, Sendable, Codable, CaseIterable { case justified, unjustified }

    package struct Review: Wire, Hashable {
        package var verdict: Verdict
        package var note: String?
        package var by: UserID
        package var at: Instant

        package init(verdict: Verdict, note: String?, by: UserID, at: Instant) {
            self.verdict = verdict
            self.note = note
            self.by = by
            self.at = at
        }
    }

    package var id: BreakGlassID
    package var userId: UserID
    package var patientId: PatientID
    package var reason: String
    package var startedAt: Instant
    /// From this moment on it opens nothing.
    package var expiresAt: Instant
    /// When it was ended before its time.
    package var endedAt: Instant?
    /// Absent until somebody else has reviewed it.
    package var review: Review?

    package init(
        id: BreakGlassID,
        userId: UserID,
        patientId: PatientID,
        reason: String,
        startedAt: Instant,
        expiresAt: Instant,
        endedAt: Instant?,
        review: Review?
    ) {
        self.id = id
        self.userId = userId
        self.patientId = patientId
        self.reason = reason
        self.startedAt = startedAt
        self.expiresAt = expiresAt
        self.endedAt = endedAt
        self.review = review
    }
}

/// Asks for emergency access; again for the same patient, it replaces what is under way.
package struct BreakGlassDraft: Wire {
    package var patientId: PatientID
    /// Why; kept sealed.
    package var reason: String
    package var minutes: Int

    package init(patientId: PatientID, reason: String, minutes: Int) {
        self.patientId = patientId
        self.reason = reason
        self.minutes = minutes
    }

    package static var limits: [Limit] {
        [.length(CodingKeys.reason, 3...1_000), .range(CodingKeys.minutes, 1...60)]
    }
}

/// Names an emergency access.
package struct BreakGlassPath: Wire {
    package var breakGlassId: BreakGlassID

    package init(breakGlassId: BreakGlassID) { self.breakGlassId = breakGlassId }
}

/// Emergency accesses, newest first unless said otherwise.
package struct BreakGlassQuery: Wire {
    /// True: only those with a review; false: only those without.
    package var reviewed: Bool?
    package var sort: TimeOrder?
    package var limit: Int?
    package var cursor: String?

    package init(reviewed: Bool? = nil, sort: TimeOrder? = nil, limit: Int? = nil, cursor: String? = nil) {
        self.reviewed = reviewed
        self.sort = sort
        self.limit = limit
        self.cursor = cursor
    }

    package static var limits: [Limit] {
        [
            .describe(CodingKeys.sort, "-createdAt, the newest first, when absent."),
            .range(CodingKeys.limit, 1...200), .length(CodingKeys.cursor, 1...1_000),
        ]
    }
}

/// What a reviewer says of an emergency access.
package struct BreakGlassReview: Wire {
    package var breakGlassId: BreakGlassID
    package var verdict: BreakGlass.Verdict
    package var note: String?

    package init(breakGlassId: BreakGlassID, verdict: BreakGlass.Verdict, note: String? = nil) {
        self.breakGlassId = breakGlassId
        self.verdict = verdict
        self.note = note
    }

    package static var limits: [Limit] { [.length(CodingKeys.note, 1...2_000)] }
}
