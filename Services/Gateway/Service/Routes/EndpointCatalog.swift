import AccessAPI
import AppointmentsAPI
import BillingAPI
import CommunicationAPI
package import Contracts

/// Every operation there is: the union of what the services declare.
package enum EndpointCatalog {
    package static let all: [any EndpointDescription] =
        AccessEndpoints().all + CommunicationEndpoints().all
        + AppointmentsEndpoints().all + BillingEndpoints().all
}
