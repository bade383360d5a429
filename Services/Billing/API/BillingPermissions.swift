package import Contracts

/// The permissions that billing's operations ask for.
package enum BillingPermissions {
    package static let readConfig = Permission("billing_config:read")
    package static let updateConfig = Permission("billing_config:update")
    package static let readInstallation = Permission("installation_config:read")
    package static let updateInstallation = Permission("installation_config:update")
    package static let deleteInstallation = Permission("installation_config:delete")
    package static let readInvoices = Permission("invoices:read")
    package static let createPayments = Permission("payments:create")
    package static let readPayments = Permission("payments:read")
    package static let readLedger = Permission("ledger:read")
}
