package import Contracts
import Core

/// What messages say: the built-in templates, as each clinic has rewritten them, and those it made itself.
package struct TemplateEndpoints: Sendable {
    package let create = Endpoint(
        "communication.templates.create",
        .POST,
        "/communication/templates",
        service: .communication,
        guard: .permission(CommunicationPermissions.createTemplates),
        takes: TemplateDraft.self,
        gives: Template.self,
        status: 201,
        audit: .change,
        errors: [ErrorCode(409, "template_name_taken"), ErrorCode(409, "too_many_templates")],
        summary: "Add a template, as a draft"
    )
    package let list = Endpoint(
        "communication.templates.list",
        .GET,
        "/communication/templates",
        service: .communication,
        guard: .permission(CommunicationPermissions.readTemplates),
        takes: TemplateListRequest.self,
        gives: Page<TemplateSummary>.self,
        audit: .none(because: "holds no health data"),
        summary: "The clinic's templates, the built-in ones included, by name"
    )
    package let read = Endpoint(
        "communication.templates.read",
        .GET,
        "/communication/templates/{id}",
        service: .communication,
        guard: .permission(CommunicationPermissions.readTemplates),
        takes: TemplateVersionPath.self,
        gives: Template.self,
        audit: .none(because: "holds no health data"),
        summary: "One template: its draft, what is in force, or a former version"
    )
    package let update = Endpoint(
        "communication.templates.update",
        .PATCH,
        "/communication/templates/{id}",
        service: .communication,
        guard: .permission(CommunicationPermissions.updateTemplates),
        takes: TemplatePatch.self,
        gives: Template.self,
        audit: .change,
        precondition: .honoured,
        errors: [ErrorCode(409, "template_name_taken")],
        summary:
            "Change a template: name and category at once, variables and texts in its draft, until that is published"
    )
    package let delete = Endpoint(
        "communication.templates.delete",
        .DELETE,
        "/communication/templates/{id}",
        service: .communication,
        guard: .permission(CommunicationPermissions.deleteTemplates),
        takes: TemplatePath.self,
        gives: EmptyOutput.self,
        audit: .change,
        precondition: .honoured,
        errors: [ErrorCode(409, "built_in_template")],
        summary: "Remove a template of the clinic's own"
    )
    package let versions = Endpoint(
        "communication.templates.versions",
        .GET,
        "/communication/templates/{id}/versions",
        service: .communication,
        guard: .permission(CommunicationPermissions.readTemplates),
        takes: TemplateVersionsRequest.self,
        gives: Page<TemplateVersion>.self,
        audit: .none(because: "holds no health data"),
        summary: "What was published of a template, newest first"
    )
    package let publish = Endpoint(
        "communication.templates.publish",
        .POST,
        "/communication/templates/{id}/publish",
        service: .communication,
        guard: .permission(CommunicationPermissions.createTemplates),
        takes: TemplatePublication.self,
        gives: Template.self,
        audit: .change,
        precondition: .honoured,
        errors: [ErrorCode(409, "nothing_to_publish"), ErrorCode(422, "in_dlt_template")],
        summary: "Put the draft, or a former version, in force"
    )
    package let reset = Endpoint(
        "communication.templates.reset",
        .POST,
        "/communication/templates/{id}/reset",
        service: .communication,
        guard: .permission(CommunicationPermissions.createTemplates),
        takes: TemplatePath.self,
        gives: Template.self,
        audit: .change,
        body: BodyKind.none,
        precondition: .honoured,
        errors: [ErrorCode(409, "not_built_in")],
        summary: "Put the built-in text in force again"
    )
    package let test = Endpoint(
        "communication.templates.test",
        .POST,
        "/communication/templates/{id}/test",
        service: .communication,
        guard: .permission(CommunicationPermissions.createTemplates),
        takes: TemplateTest.self,
        gives: AcceptedMessage.self,
        status: 202,
        audit: .change,
        errors: [
            ErrorCode(409, "channel_not_configured"), ErrorCode(409, "unsubscribe_unavailable"),
            ErrorCode(422, "in_dlt_template"), ErrorCode(422, "us_10dlc"), ErrorCode(422, "us_calling_hours"),
        ],
        summary: "Send one message of a template"
    )
    package let preview = Endpoint(
        "communication.templates.preview",
        .POST,
        "/communication/templates/preview",
        service: .communication,
        guard: .permission(CommunicationPermissions.createTemplates),
        takes: TemplatePreviewRequest.self,
        gives: TemplatePreview.self,
        audit: .none(because: "it changes nothing and shows no health data"),
        summary: "Show what each channel would say"
    )

    package init() {}

    package var all: [any EndpointDescription] {
        [create, list, read, update, delete, versions, publish, reset, test, preview]
    }
}
