package import Contracts
import Core

/// The providers that a clinic's video sessions are held with.
package struct VideoConfigurationEndpoints: Sendable {
    package let read = Endpoint(
        "video.config.read",
        .GET,
        "/clinics/{clinicId}/video/config",
        service: .appointments,
        guard: .permission(VideoPermissions.readConfiguration),
        takes: VideoConfigurationPath.self,
        gives: VideoConfiguration.self,
        audit: .none(because: "holds no health data; secrets are masked"),
        errors: [ErrorCode(404, "not_configured")],
        summary: "The clinic's video providers, with their secrets masked"
    )
    package let put = Endpoint(
        "video.config.put",
        .PUT,
        "/clinics/{clinicId}/video/config",
        service: .appointments,
        guard: .permission(VideoPermissions.updateConfiguration),
        takes: VideoConfigurationDraft.self,
        gives: VideoConfiguration.self,
        audit: .change,
        precondition: .required,
        errors: [ErrorCode(422, "secret_missing"), ErrorCode(422, "endpoint_not_allowed")],
        summary: "Set the clinic's video providers, or choose the installation's"
    )
    package let effective = Endpoint(
        "video.config.effective",
        .GET,
        "/clinics/{clinicId}/video/config/effective",
        service: .appointments,
        guard: .permission(VideoPermissions.readConfiguration),
        takes: VideoConfigurationPath.self,
        gives: EffectiveVideoConfiguration.self,
        audit: .none(because: "holds no health data and no secrets"),
        summary: "Whose video providers are in force: the clinic's, the installation's where it chose them, or none"
    )

    package init() {}

    package var all: [any EndpointDescription] { [read, put, effective] }
}

/// The installation's own video providers, for clinics that choose them.
package struct DefaultVideoProviderEndpoints: Sendable {
    package let read = Endpoint(
        "video.installation_config.read",
        .GET,
        "/installation/video/config",
        service: .appointments,
        guard: .permission(VideoPermissions.readInstallation),
        tenancy: Tenancy.none,
        takes: EmptyInput.self,
        gives: VideoConfiguration.self,
        audit: .none(because: "holds no health data; secrets are masked"),
        errors: [ErrorCode(404, "not_configured")],
        summary: "The default video providers, with their secrets masked"
    )
    package let put = Endpoint(
        "video.installation_config.put",
        .PUT,
        "/installation/video/config",
        service: .appointments,
        guard: .permission(VideoPermissions.updateInstallation),
        tenancy: Tenancy.none,
        takes: DefaultVideoProvidersDraft.self,
        gives: VideoConfiguration.self,
        audit: .change,
        precondition: .required,
        errors: [ErrorCode(422, "secret_missing"), ErrorCode(422, "endpoint_not_allowed")],
        summary: "Set the default video providers, used by clinics without their own that choose them"
    )
    package let delete = Endpoint(
        "video.installation_config.delete",
        .DELETE,
        "/installation/video/config",
        service: .appointments,
        guard: .permission(VideoPermissions.deleteInstallation),
        tenancy: Tenancy.none,
        takes: EmptyInput.self,
        gives: EmptyOutput.self,
        audit: .change,
        precondition: .required,
        errors: [ErrorCode(404, "not_configured")],
        summary: "Put no default video provider in force any more"
    )

    package init() {}

    package var all: [any EndpointDescription] { [read, put, delete] }
}
