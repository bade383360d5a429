import Contracts
import Core

/// Operations that only these tests serve: one of each kind the gateway treats differently.
struct TestEndpoints {
    static let manage = Permission("patients:update")

    let list = Endpoint(
        "things.list",
        .GET,
        "/things",
        service: .appointments,
        guard: .permission(Permission("appointments:read")),
        asksWithin: [Permission("doctors:read"), Permission("doctors:update")],
        takes: ThingQuery.self,
        gives: Page<Thing>.self,
        audit: .none(because: "a test"),
        summary: "List things"
    )
    let create = Endpoint(
        "things.create",
        .POST,
        "/things",
        service: .appointments,
        guard: .permission(Permission("appointments:create")),
        takes: ThingDraft.self,
        gives: Thing.self,
        status: 201,
        audit: .change,
        summary: "Make a thing"
    )
    static let longestList = 3 << 20
    let createAll = Endpoint(
        "things.create_all",
        .POST,
        "/things-together",
        service: .appointments,
        guard: .permission(Permission("appointments:create")),
        takes: ThingDraft.self,
        gives: Thing.self,
        status: 201,
        audit: .change,
        mostBytes: longestList,
        summary: "Make many things"
    )
    let read = Endpoint(
        "things.read",
        .GET,
        "/things/{thingId}",
        service: .appointments,
        guard: .permission(Permission("appointments:read")),
        takes: ThingPath.self,
        gives: Thing.self,
        audit: .none(because: "a test"),
        summary: "Read a thing"
    )
    let replace = Endpoint(
        "things.replace",
        .PUT,
        "/things/{thingId}",
        service: .appointments,
        guard: .permission(manage),
        takes: ThingReplacement.self,
        gives: Thing.self,
        audit: .change,
        precondition: .required,
        summary: "Replace a thing"
    )
    let remove = Endpoint(
        "things.delete",
        .DELETE,
        "/things/{thingId}",
        service: .appointments,
        guard: .permission(Permission("appointments:delete")),
        takes: ThingPath.self,
        gives: EmptyOutput.self,
        audit: .change,
        summary: "Delete a thing"
    )
    let inClinic = Endpoint(
        "things.in_clinic",
        .GET,
        "/clinics/{clinicId}/things",
        service: .appointments,
        guard: .permission(Permission("appointments:read")),
        takes: ClinicPath.self,
        gives: Thing.self,
        audit: .none(because: "a test"),
        summary: "A clinic's thing"
    )
    let export = Endpoint(
        "things.export",
        .GET,
        "/things-export",
        service: .appointments,
        guard: .permission(Permission("appointments:read")),
        takes: EmptyInput.self,
        gives: Page<Thing>.self,
        audit: .none(because: "a test"),
        streams: true,
        summary: "All things"
    )
    let slow = Endpoint(
        "things.slow",
        .POST,
        "/slow",
        service: .appointments,
        guard: .permission(Permission("appointments:create")),
        takes: EmptyInput.self,
        gives: Thing.self,
        audit: .none(because: "a test"),
        deadline: .milliseconds(400),
        summary: "Never answered"
    )
    let me = Endpoint(
        "things.me",
        .GET,
        "/me",
        service: .appointments,
        guard: .signedIn,
        tenancy: Tenancy.none,
        takes: EmptyInput.self,
        gives: Thing.self,
        audit: .none(because: "a test"),
        summary: "Who asks"
    )
    let signIn = Endpoint(
        "things.sign_in",
        .POST,
        "/auth/sign-in",
        service: .appointments,
        guard: .open(because: "a test"),
        tenancy: Tenancy.none,
        takes: ThingDraft.self,
        gives: Thing.self,
        audit: .login,
        summary: "Let in"
    )
    let webhook = Endpoint(
        "things.webhook",
        .POST,
        "/webhooks/things/{provider}/{clinicId}",
        service: .appointments,
        guard: .signature(of: "test"),
        takes: WebhookInput.self,
        gives: EmptyOutput.self,
        audit: .none(because: "a test"),
        body: .raw(maxBytes: 256 << 10),
        summary: "Take a webhook"
    )
    let sharedWebhook = Endpoint(
        "things.shared_webhook",
        .POST,
        "/webhooks/things/{provider}/installation",
        service: .appointments,
        guard: .signature(of: "test"),
        tenancy: Tenancy.none,
        takes: SharedWebhookInput.self,
        gives: EmptyOutput.self,
        audit: .none(because: "a test"),
        body: .streamed(maxBytes: longestUpload, media: []),
        summary: "Take a webhook of the installation's"
    )

    static let longestUpload = 2 << 20
    let upload = Endpoint(
        "things.upload",
        .POST,
        "/things-upload",
        service: .appointments,
        guard: .permission(Permission("appointments:create")),
        takes: ThingUpload.self,
        gives: Thing.self,
        status: 201,
        audit: .change,
        body: .streamed(maxBytes: longestUpload, media: ["application/pdf", "image/png"]),
        idempotent: false,
        summary: "Take a file"
    )

    let notice = Endpoint(
        "things.notice",
        .POST,
        "/webhooks/things-large/{provider}/{clinicId}",
        service: .appointments,
        guard: .signature(of: "test"),
        takes: WebhookInput.self,
        gives: EmptyOutput.self,
        audit: .none(because: "a test"),
        body: .streamed(maxBytes: longestUpload, media: []),
        summary: "Take a large webhook"
    )

    var all: [any EndpointDescription] {
        [
            list, create, createAll, read, replace, remove, inClinic, export, slow, me, signIn, webhook, sharedWebhook,
            upload,
            notice,
        ]
    }
}

struct Thing: Wire, Hashable {
    var name: String
    /// What the service was told, for the tests to look at.
    var told: [String: String]
}

struct ThingQuery: Wire {
    var limit: Int?
    static var limits: [Limit] { [.range(CodingKeys.limit, 1...200)] }
}

struct ThingDraft: Wire {
    var name: String
    var note: String?
    static var limits: [Limit] { [.length(CodingKeys.name, 1...100)] }
}

struct ThingPath: Wire { var thingId: AppointmentID }

struct ThingReplacement: Wire {
    var thingId: AppointmentID
    var name: String
}

struct ClinicPath: Wire { var clinicId: ClinicID }

struct WebhookInput: Wire {
    var provider: String
    var clinicId: ClinicID
    var body: RawBody
}

struct SharedWebhookInput: Wire {
    var provider: String
    var body: RawBody
}

struct ThingUpload: Wire {
    var filename: String
    var body: RawBody
}
