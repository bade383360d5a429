package import Contracts
import Core

/// Addresses that are not to be reached.
package struct SuppressionEndpoints: Sendable {
    package let create = Endpoint(
        "communication.suppressions.create",
        .POST,
        "/communication/suppressions",
        service: .communication,
        guard: .permission(CommunicationPermissions.createSuppressions),
        takes: SuppressionDraft.self,
        gives: Suppression.self,
        status: 201,
        furtherStatuses: [200],
        audit: .change,
        summary: "Keep messages away from an address; 200 when that was so already"
    )
    package let importing = Endpoint(
        "communication.suppressions.import",
        .POST,
        "/communication/suppressions",
        service: .communication,
        guard: .permission(CommunicationPermissions.createSuppressions),
        takes: SuppressionImport.self,
        gives: SuppressionImportResult.self,
        audit: .change,
        body: .raw(maxBytes: SuppressionImport.longestBody, media: ["text/csv"]),
        deadline: .seconds(30),
        summary: "Take in a CSV of channel, address, category, reason and expiresAt, row by row; at most "
            + "\(SuppressionImport.mostRows) rows"
    )
    package let list = Endpoint(
        "communication.suppressions.list",
        .GET,
        "/communication/suppressions",
        service: .communication,
        guard: .permission(CommunicationPermissions.readSuppressions),
        takes: SuppressionListRequest.self,
        gives: Page<Suppression>.self,
        audit: .read,
        streams: true,
        summary: "Suppressed addresses, newest first: a page as JSON, everything as NDJSON or CSV"
    )
    package let read = Endpoint(
        "communication.suppressions.read",
        .GET,
        "/communication/suppressions/{id}",
        service: .communication,
        guard: .permission(CommunicationPermissions.readSuppressions),
        takes: SuppressionPath.self,
        gives: Suppression.self,
        audit: .read,
        summary: "One suppressed address"
    )
    package let update = Endpoint(
        "communication.suppressions.update",
        .PATCH,
        "/communication/suppressions/{id}",
        service: .communication,
        guard: .permission(CommunicationPermissions.updateSuppressions),
        takes: SuppressionPatch.self,
        gives: Suppression.self,
        audit: .change,
        precondition: .honoured,
        summary: "Change how long an address stays suppressed"
    )
    package let delete = Endpoint(
        "communication.suppressions.delete",
        .DELETE,
        "/communication/suppressions/{id}",
        service: .communication,
        guard: .permission(CommunicationPermissions.deleteSuppressions),
        takes: SuppressionPath.self,
        gives: EmptyOutput.self,
        audit: .change,
        precondition: .honoured,
        summary: "Release an address"
    )

    package init() {}

    package var all: [any EndpointDescription] { [create, importing, list, read, update, delete] }
}
