package import Contracts
import Core

/// The audit trail of a clinic, or of the installation (`X-Clinic-Id: installation`), and the proofs of it.
package struct AuditEndpoints: Sendable {
    package let entries = Endpoint(
        "access.audit.entries",
        .GET,
        "/audit/entries",
        service: .access,
        guard: .permission(AccessPermissions.readAudit),
        takes: AuditQuery.self,
        gives: Page<AuditEntry>.self,
        audit: .read,
        resource: "audit_entries",
        streams: true,
        furtherMedia: ["application/fhir+json", "application/fhir+ndjson"],
        deadline: .seconds(20),
        summary:
            "Entries in the order of the log: a page as JSON or FHIR Bundle, everything as NDJSON, CSV or FHIR NDJSON"
    )
    package let checkpoint = Endpoint(
        "access.audit.checkpoint",
        .GET,
        "/audit/checkpoint",
        service: .access,
        guard: .permission(AccessPermissions.readAudit),
        takes: EmptyInput.self,
        gives: NoteText.self,
        audit: .none(because: "hashes and a signature"),
        streams: true,
        media: "text/plain",
        summary: "The newest signed checkpoint (C2SP tlog-checkpoint)"
    )
    package let checkpoints = Endpoint(
        "access.audit.checkpoints",
        .GET,
        "/audit/checkpoints",
        service: .access,
        guard: .permission(AccessPermissions.readAudit),
        takes: CheckpointQuery.self,
        gives: Page<Checkpoint>.self,
        audit: .none(because: "hashes and signatures"),
        summary: "Signed checkpoints by size"
    )
    package let inclusionProof = Endpoint(
        "access.audit.inclusion_proof",
        .GET,
        "/audit/proofs/inclusion",
        service: .access,
        guard: .permission(AccessPermissions.readAudit),
        takes: InclusionQuery.self,
        gives: Proof.self,
        audit: .none(because: "hashes"),
        summary: "That an entry is in the tree of a size (RFC 6962)"
    )
    package let consistencyProof = Endpoint(
        "access.audit.consistency_proof",
        .GET,
        "/audit/proofs/consistency",
        service: .access,
        guard: .permission(AccessPermissions.readAudit),
        takes: ConsistencyQuery.self,
        gives: Proof.self,
        audit: .none(because: "hashes"),
        summary: "That one tree is the beginning of another (RFC 6962)"
    )
    package let keys = Endpoint(
        "access.audit.keys",
        .GET,
        "/audit/keys",
        service: .access,
        guard: .permission(AccessPermissions.readAudit),
        takes: EmptyInput.self,
        gives: VerifierKeyList.self,
        audit: .none(because: "public keys"),
        summary: "The keys that checkpoints are verified with"
    )
    package let tile = Endpoint(
        "access.audit.tile",
        .GET,
        "/audit/tile/{tile...}",
        service: .access,
        guard: .permission(AccessPermissions.readAudit),
        takes: AuditTilePath.self,
        gives: StreamedBytes.self,
        audit: .none(because: "hashes"),
        streams: true,
        media: "application/octet-stream",
        summary: "Hashes of the tree (C2SP tlog-tiles): level/index, or level/index.p/width at the right edge"
    )
    package let entryTile = Endpoint(
        "access.audit.entry_tile",
        .GET,
        "/audit/tile/entries/{tile...}",
        service: .access,
        guard: .permission(AccessPermissions.readAudit),
        takes: AuditTilePath.self,
        gives: StreamedBytes.self,
        audit: .read,
        resource: "audit_entries",
        streams: true,
        media: "application/octet-stream",
        errors: [ErrorCode(410, "entries_pruned")],
        summary: "256 entries, each behind its length (C2SP tlog-tiles)"
    )
    package let patientAccess = Endpoint(
        "access.audit.patient_access",
        .GET,
        "/audit/patient-access",
        service: .access,
        guard: .permission(AccessPermissions.readAccessReport),
        takes: PatientAccessQuery.self,
        gives: Page<PatientAccess>.self,
        audit: .read,
        summary: "Who looked at my record"
    )
    package let readRetention = Endpoint(
        "access.audit.retention.read",
        .GET,
        "/audit/retention",
        service: .access,
        guard: .permission(AccessPermissions.readAudit),
        takes: EmptyInput.self,
        gives: AuditRetention.self,
        audit: .none(because: "a setting"),
        summary: "How long entries are kept that no other rule keeps"
    )
    package let setRetention = Endpoint(
        "access.audit.retention.set",
        .PUT,
        "/audit/retention",
        service: .access,
        guard: .permission(AccessPermissions.updateClinics),
        takes: AuditRetention.self,
        gives: AuditRetention.self,
        audit: .change,
        resource: "audit",
        precondition: .honoured,
        summary: "Keep entries that no other rule keeps for fewer than six years; later entries past it are blanked"
    )
    package let createExport = Endpoint(
        "access.audit.exports.create",
        .POST,
        "/audit/exports",
        service: .access,
        guard: .permission(AccessPermissions.exportAudit),
        takes: AuditExportDraft.self,
        gives: AuditExport.self,
        status: 202,
        audit: .change,
        summary: "Prepare a bundle that proves itself offline"
    )
    package let listExports = Endpoint(
        "access.audit.exports.list",
        .GET,
        "/audit/exports",
        service: .access,
        guard: .permission(AccessPermissions.exportAudit),
        takes: ListRequest.self,
        gives: Page<AuditExport>.self,
        audit: .none(because: "names no entry"),
        summary: "Bundles prepared so far"
    )
    package let readExport = Endpoint(
        "access.audit.exports.read",
        .GET,
        "/audit/exports/{exportId}",
        service: .access,
        guard: .permission(AccessPermissions.exportAudit),
        takes: AuditExportPath.self,
        gives: AuditExport.self,
        audit: .none(because: "names no entry"),
        summary: "How far a bundle is"
    )
    package let exportContent = Endpoint(
        "access.audit.exports.content",
        .GET,
        "/audit/exports/{exportId}/content",
        service: .access,
        guard: .permission(AccessPermissions.exportAudit),
        takes: AuditExportPath.self,
        gives: StreamedBytes.self,
        audit: .read,
        resource: "audit_exports",
        streams: true,
        media: "application/x-tar",
        errors: [ErrorCode(409, "export_not_ready"), ErrorCode(410, "export_expired")],
        deadline: .seconds(20),
        summary: "The bundle as one tar, for `polyclinic audit verify`"
    )

    package init() {}

    package var all: [any EndpointDescription] {
        [
            entries, checkpoint, checkpoints, inclusionProof, consistencyProof, keys, tile, entryTile,
            patientAccess, readRetention, setRetention,
            createExport, listExports, readExport, exportContent,
        ]
    }
}
