import CommunicationAPI
import Core

/// Where somebody can be reached.
struct Reach: Sendable, Equatable {
    var email: EmailAddress?
    var phone: PhoneNumber?
    var pushToken: String?

    func has(_ channel: MessageChannel) -> Bool {
        switch channel {
        case .email: email != nil
        case .sms, .whatsapp: phone != nil
        case .push: pushToken != nil
        }
    }

    var isEmpty: Bool { email == nil && phone == nil && pushToken == nil }
}
