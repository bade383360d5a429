/// What identifiers identify.
///
/// The cases are types without values, used as tags of `TypedID` only.
package enum Entity {
    package enum Clinic {}
    package enum User {}
    package enum SignIn {}
    package enum Location {}
    package enum Doctor {}
    package enum Patient {}
    package enum VisitType {}
    package enum TimeOff {}
    package enum Appointment {}
    package enum Hold {}
    package enum Invoice {}
    package enum Payment {}
    package enum LedgerEntry {}
    package enum Message {}
    package enum Template {}
    package enum Attempt {}
    package enum Conversation {}
    package enum InboundMessage {}
    package enum Attachment {}
    package enum ProviderEntry {}
    package enum AuditEntry {}
    package enum AuditExport {}
    package enum Request {}
    package enum Event {}
    package enum Job {}
    package enum Role {}
    package enum APIKey {}
    package enum Notice {}
    package enum Series {}
    package enum Webhook {}
    package enum BreakGlass {}
    package enum Suppression {}
    package enum Contact {}
    package enum Device {}
}

package typealias ClinicID = TypedID<Entity.Clinic>
package typealias UserID = TypedID<Entity.User>
package typealias SignInID = TypedID<Entity.SignIn>
package typealias LocationID = TypedID<Entity.Location>
package typealias DoctorID = TypedID<Entity.Doctor>
package typealias PatientID = TypedID<Entity.Patient>
/// A service a clinic offers ("visit type"): what API.md calls `serviceId`.
package typealias VisitTypeID = TypedID<Entity.VisitType>
package typealias TimeOffID = TypedID<Entity.TimeOff>
package typealias AppointmentID = TypedID<Entity.Appointment>
package typealias HoldID = TypedID<Entity.Hold>
package typealias InvoiceID = TypedID<Entity.Invoice>
package typealias PaymentID = TypedID<Entity.Payment>
package typealias LedgerEntryID = TypedID<Entity.LedgerEntry>
package typealias MessageID = TypedID<Entity.Message>
package typealias AttachmentID = TypedID<Entity.Attachment>
package typealias TemplateID = TypedID<Entity.Template>
package typealias AttemptID = TypedID<Entity.Attempt>
package typealias ConversationID = TypedID<Entity.Conversation>
package typealias InboundMessageID = TypedID<Entity.InboundMessage>
package typealias ProviderEntryID = TypedID<Entity.ProviderEntry>
package typealias AuditEntryID = TypedID<Entity.AuditEntry>
package typealias AuditExportID = TypedID<Entity.AuditExport>
package typealias RequestID = TypedID<Entity.Request>
package typealias EventID = TypedID<Entity.Event>
package typealias JobID = TypedID<Entity.Job>
package typealias NoticeID = TypedID<Entity.Notice>
package typealias SeriesID = TypedID<Entity.Series>
package typealias APIKeyID = TypedID<Entity.APIKey>
package typealias RoleID = TypedID<Entity.Role>
package typealias WebhookID = TypedID<Entity.Webhook>
package typealias BreakGlassID = TypedID<Entity.BreakGlass>
package typealias SuppressionID = TypedID<Entity.Suppression>
/// Somebody who is written to; a patient's contact has the patient's own id.
package typealias ContactID = TypedID<Entity.Contact>
/// An installed app by which a contact is reached.
package typealias DeviceID = TypedID<Entity.Device>

extension ClinicID {
    /// The installation itself: its audit log, its default providers.
    ///
    /// Stands where a clinic's id does, and is no clinic.
    package static let installation = ClinicID(high: 0, low: 0)
}
