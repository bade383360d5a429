package import Contracts
import Core

/// Emergency access, and its review.
package struct BreakGlassEndpoints: Sendable {
    package let start = Endpoint(
        "access.break_glass.start",
        .POST,
        "/access/break-glass",
        service: .access,
        guard: .permission(AccessPermissions.useBreakGlass),
        takes: BreakGlassDraft.self,
        gives: BreakGlass.self,
        status: 201,
        audit: .change,
        deadline: .seconds(15),
        summary: "Read one patient's record in an emergency, for up to an hour; the clinic's administrators are told"
    )
    package let list = Endpoint(
        "access.break_glass.list",
        .GET,
        "/access/break-glass",
        service: .access,
        guard: .permission(AccessPermissions.reviewBreakGlass),
        takes: BreakGlassQuery.self,
        gives: Page<BreakGlass>.self,
        audit: .read,
        summary: "Emergency accesses, newest first; reviewed=false are those that wait for a review"
    )
    package let read = Endpoint(
        "access.break_glass.read",
        .GET,
        "/access/break-glass/{breakGlassId}",
        service: .access,
        guard: .permission(AccessPermissions.useBreakGlass),
        takes: BreakGlassPath.self,
        gives: BreakGlass.self,
        audit: .read,
        summary: "One's own emergency access"
    )
    package let end = Endpoint(
        "access.break_glass.end",
        .DELETE,
        "/access/break-glass/{breakGlassId}",
        service: .access,
        guard: .permission(AccessPermissions.useBreakGlass),
        takes: BreakGlassPath.self,
        gives: EmptyOutput.self,
        audit: .change,
        precondition: .honoured,
        summary: "End one's own emergency access before its time"
    )
    package let review = Endpoint(
        "access.break_glass.review",
        .POST,
        "/access/break-glass/{breakGlassId}/review",
        service: .access,
        guard: .permission(AccessPermissions.reviewBreakGlass),
        takes: BreakGlassReview.self,
        gives: BreakGlass.self,
        audit: .change,
        errors: [ErrorCode(409, "already_reviewed"), ErrorCode(409, "own_access")],
        summary: "Say whether it was justified; of others' only"
    )

    package init() {}

    package var all: [any EndpointDescription] { [start, list, read, end, review] }
}
