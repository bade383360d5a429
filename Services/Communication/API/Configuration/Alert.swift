package import Contracts
package import Core

/// What somebody of a clinic should know of soon.
package enum AlertKind: String, Hashable, Sendable, Codable, CaseIterable {
    /// A provider does not let the clinic in any more.
    case credentialsRefused = "credentials_refused"
    /// A provider fails and is left alone for a while.
    case circuitOpened = "circuit_opened"
    /// A provider takes no more until its quota is renewed.
    case quotaUsedUp = "quota_used_up"
    /// A provider does not send for the clinic from this sender, or to this country.
    case senderNotAuthorised = "sender_not_authorised"
    /// Many addresses were refused or called messages unwanted within an hour.
    case suppressionSpike = "suppression_spike"
    /// Work failed for good.
    case deadLetters = "dead_letters"
    /// WhatsApp does not take a template any more, or has not approved it.
    case templateRejected = "template_rejected"
    /// A payment cannot go on until somebody has looked at it.
    case paymentFrozen = "payment_frozen"
}

/// Somebody who is told, and how.
package struct AlertRecipient: Wire, Hashable {
    package var email: EmailAddress?
    package var phone: PhoneNumber?
    /// In the order of trying; all that there is an address for when absent.
    package var channels: [MessageChannel]?

    package init(email: EmailAddress? = nil, phone: PhoneNumber? = nil, channels: [MessageChannel]? = nil) {
        self.email = email
        self.phone = phone
        self.channels = channels
    }

    package static var limits: [Limit] { [.count(CodingKeys.channels, 1...3)] }
}

/// Who is told of one kind of alert.
package struct AlertRoute: Wire, Hashable {
    package static let mostRecipients = 20

    package var alert: AlertKind
    package var to: [AlertRecipient]

    package init(alert: AlertKind, to: [AlertRecipient]) {
        self.alert = alert
        self.to = to
    }

    package static var limits: [Limit] { [.count(CodingKeys.to, 1...mostRecipients)] }
}

/// Who is told of which alert; what is not listed reaches nobody.
package struct AlertRoutes: Wire, Hashable {
    package var routes: [AlertRoute]

    package init(routes: [AlertRoute]) { self.routes = routes }
}

/// Who is to be told of which alert from now on.
package struct AlertRoutesDraft: Wire {
    package var clinicId: ClinicID
    /// Each alert at most once.
    package var routes: [AlertRoute]

    package init(clinicId: ClinicID, routes: [AlertRoute]) {
        self.clinicId = clinicId
        self.routes = routes
    }

    package static var limits: [Limit] { [.count(CodingKeys.routes, 0...AlertKind.allCases.count)] }
}

/// Who of the installation's operators is to be told of which alert from now on.
package struct InstallationAlertRoutesDraft: Wire {
    /// Each alert at most once.
    package var routes: [AlertRoute]

    package init(routes: [AlertRoute]) { self.routes = routes }

    package static var limits: [Limit] { [.count(CodingKeys.routes, 0...AlertKind.allCases.count)] }
}

/// Who is told when something goes wrong.
package struct AlertEndpoints: Sendable {
    package let read = Endpoint(
        "communication.alert_routes.read",
        .GET,
        "/clinics/{clinicId}/communication/alert-routes",
        service: .communication,
        guard: .permission(CommunicationPermissions.readConfiguration),
        takes: ConfigurationPath.self,
        gives: AlertRoutes.self,
        audit: .none(because: "holds no health data"),
        summary: "Who is told of which alert"
    )
    package let put = Endpoint(
        "communication.alert_routes.put",
        .PUT,
        "/clinics/{clinicId}/communication/alert-routes",
        service: .communication,
        guard: .permission(CommunicationPermissions.updateConfiguration),
        takes: AlertRoutesDraft.self,
        gives: AlertRoutes.self,
        audit: .change,
        precondition: .honoured,
        summary: "Set who is told of which alert, and by which channels"
    )

    package let readInstallation = Endpoint(
        "communication.installation_alert_routes.read",
        .GET,
        "/installation/communication/alert-routes",
        service: .communication,
        guard: .permission(CommunicationPermissions.readInstallation),
        tenancy: Tenancy.none,
        takes: EmptyInput.self,
        gives: AlertRoutes.self,
        audit: .none(because: "holds no health data"),
        summary: "Which operators are told of which alert about the default providers"
    )
    package let putInstallation = Endpoint(
        "communication.installation_alert_routes.put",
        .PUT,
        "/installation/communication/alert-routes",
        service: .communication,
        guard: .permission(CommunicationPermissions.updateInstallation),
        tenancy: Tenancy.none,
        takes: InstallationAlertRoutesDraft.self,
        gives: AlertRoutes.self,
        audit: .change,
        precondition: .honoured,
        summary: "Set which operators are told of which alert about the default providers"
    )

    package init() {}

    package var all: [any EndpointDescription] { [read, put, readInstallation, putInstallation] }
}
