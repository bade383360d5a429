import CommunicationAPI
import Core

/// Where somebody can be reached.
struct Reach: Sendable, Equatable {
    var email: EmailAddress?
    var phone: PhoneNumber?
    /// Of somebody who hides their number from the clinic.
    var whatsAppUser: WhatsAppUserID?
    var pushToken: String?
    /// A contact's devices are reached by push; which of them is known when it is sent.
    var hasDevices = false

    func has(_ channel: MessageChannel) -> Bool {
        switch channel {
        case .email: email != nil
        case .sms: phone != nil
        case .whatsapp: phone != nil || whatsAppUser != nil
        case .push: pushToken != nil || hasDevices
        }
    }

    var isEmpty: Bool { email == nil && phone == nil && whatsAppUser == nil && pushToken == nil && !hasDevices }
}
