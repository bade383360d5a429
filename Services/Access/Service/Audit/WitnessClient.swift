import AuditLog
import Core
import Outbound

/// Speaks to witnesses (c2sp.org/tlog-witness).
struct WitnessClient: Sendable {
    static let timeout: Duration = .seconds(10)
    static let largestAnswer = 65_536
    /// How far a witness's clock may be ahead of ours.
    static let clockTolerance: Duration = .seconds(300)

    /// What a witness says to a checkpoint.
    enum Answer: Hashable, Sendable {
        case cosigned(Cosignature)
        /// It vouched for another size last, this one.
        case conflict(size: Int64)
        /// It has seen a log that this one does not lead on from.
        case inconsistent
        /// It does not know the log or its key, or what it said cannot be used; asking again at once would not help.
        case refused(reason: String)
        /// It did not answer, or is not well.
        case away(reason: String)
    }

    let http: OutboundHTTP

    func submit(_ submission: AddCheckpoint, to witness: Witness, at now: Instant) async -> Answer {
        do {
            let response = try await http.send(
                method: "POST",
                url: witness.url + "/add-checkpoint",
                headers: [("Content-Type", "text/plain; charset=utf-8")],
                body: Array(submission.text.utf8),
                deadline: .after(Self.timeout),
                maxResponse: Self.largestAnswer
            )
            return Self.read(response, to: submission, from: witness, at: now)
        } catch {
            return .away(reason: error.code)
        }
    }

    static func read(
        _ response: OutboundResponse,
        to submission: AddCheckpoint,
        from witness: Witness,
        at now: Instant
    ) -> Answer {
        let body = String(decoding: response.body, as: UTF8.self)
        switch response.status {
        case 200:
            // What stands behind the note's own lines is read as lines of the same note.
            guard let cosigned = try? SignedNote(submission.checkpoint + body).cosignature(by: witness.key),
                cosigned.at <= now + clockTolerance
            else { return .refused(reason: "bad_cosignature") }
            return .cosigned(cosigned)
        case 409:
            let isSize = response.header("content-type")?.hasPrefix(AddCheckpoint.sizeMedia) ?? false
            guard isSize, body.hasSuffix("\n"), let size = Int64(body.dropLast()), size >= 0 else {
                return .inconsistent
            }
            return size == submission.oldSize ? .inconsistent : .conflict(size: size)
        case 422: return .inconsistent
        case 403: return .refused(reason: "key_unknown")
        case 404: return .refused(reason: "log_unknown")
        case 429, 500...599: return .away(reason: "status_\(response.status)")
        default: return .refused(reason: "status_\(response.status)")
        }
    }
}
