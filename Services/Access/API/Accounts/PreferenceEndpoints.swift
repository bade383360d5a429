package import Contracts
import Core

/// How the caller wants to be told things.
package struct PreferenceEndpoints: Sendable {
    package let read = Endpoint(
        "access.preferences.read",
        .GET,
        "/auth/me/preferences",
        service: .access,
        guard: .signedIn,
        tenancy: Tenancy.none,
        takes: EmptyInput.self,
        gives: Preferences.self,
        audit: .none(because: "the caller's own account"),
        summary: "How the caller wants to be told things"
    )
    package let update = Endpoint(
        "access.preferences.update",
        .PUT,
        "/auth/me/preferences",
        service: .access,
        guard: .signedIn,
        tenancy: Tenancy.none,
        takes: Preferences.self,
        gives: Preferences.self,
        audit: .change,
        precondition: .honoured,
        summary: "Choose language, time zone, and channels and quiet hours for each kind of notice"
    )

    package init() {}

    package var all: [any EndpointDescription] { [read, update] }
}
