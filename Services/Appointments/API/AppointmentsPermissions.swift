package import Contracts

/// The permissions that the calendar's operations ask for.
package enum AppointmentsPermissions {
    package static let createDoctors = Permission("doctors:create")
    package static let readDoctors = Permission("doctors:read")
    package static let updateDoctors = Permission("doctors:update")
    package static let deleteDoctors = Permission("doctors:delete")
    package static let createServices = Permission("services:create")
    package static let readServices = Permission("services:read")
    package static let updateServices = Permission("services:update")
    package static let deleteServices = Permission("services:delete")
    package static let createPatients = Permission("patients:create")
    package static let readPatients = Permission("patients:read")
    package static let updatePatients = Permission("patients:update")
    package static let deletePatients = Permission("patients:delete")
    package static let readAvailability = Permission("availability:read")
    package static let updateAvailability = Permission("availability:update")
    package static let createAppointments = Permission("appointments:create")
    package static let readAppointments = Permission("appointments:read")
    package static let updateAppointments = Permission("appointments:update")
    package static let deleteAppointments = Permission("appointments:delete")
}
