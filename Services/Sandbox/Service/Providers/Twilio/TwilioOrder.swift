import Contracts
import Core

/// What a call asks Twilio to send, once all of it is right.
struct TwilioOrder: Sendable {
    static let longestBody = 1_600
    private static let fields: Set<String> = [
        "To", "From", "MessagingServiceSid", "Body", "MediaUrl", "ContentSid", "ContentVariables", "StatusCallback",
        "ValidityPeriod", "SmartEncoded", "ShortenUrls", "ProvideFeedback", "Attempt", "RiskCheck", "SendAsMms",
        "ScheduleType", "SendAt", "ContentRetention", "AddressRetention", "ApplicationSid", "ForceDelivery",
        "PersistentAction", "TrafficType",
    ]
    private static let whatsAppPrefix = "whatsapp:"

    /// As it was given, with `whatsapp:` before it where it goes there.
    let to: String
    let from: String?
    let service: String?
    let body: String?
    let media: [String]
    let content: String?
    let variables: [String: String]
    let callback: String?
    let validity: Int
    /// What a content of the account says with the values in its places: all of it, and its text.
    var offer: JSONValue?
    var said: String?

    var isWhatsApp: Bool { to.hasPrefix(Self.whatsAppPrefix) }
    /// The number alone.
    var number: String { isWhatsApp ? String(to.dropFirst(Self.whatsAppPrefix.count)) : to }
    /// What the recipient reads: of an approved template the sandbox knows only what stands in its places.
    var text: String {
        if let text = body ?? said { return text }
        return variables.sorted { (Int($0.key) ?? 0, $0.key) < (Int($1.key) ?? 0, $1.key) }.map(\.value)
            .joined(separator: "\n")
    }

    init(_ pairs: [(name: String, value: String)]) throws(TwilioError) {
        // Twilio passes over what it does not know; here a misspelt parameter shows.
        if let extra = pairs.map(\.name).sorted().first(where: { !Self.fields.contains($0) }) {
            throw TwilioError(400, 20_001, "Unknown parameter: \(extra)")
        }
        func value(_ name: String) -> String? {
            pairs.first { $0.name == name }.map(\.value).flatMap { $0.isEmpty ? nil : $0 }
        }
        guard let to = value("To") else { throw TwilioError(400, 21_604, "A 'To' phone number is required.") }
        self.to = to
        (from, service) = (value("From"), value("MessagingServiceSid"))
        (body, content, callback) = (value("Body"), value("ContentSid"), value("StatusCallback"))
        media = pairs.filter { $0.name == "MediaUrl" }.map(\.value)
        variables = try Self.variables(value("ContentVariables"))
        guard let validity = Int(value("ValidityPeriod") ?? "36000"), (1...36_000).contains(validity) else {
            throw TwilioError(400, 21_624, "The 'ValidityPeriod' parameter is invalid.")
        }
        self.validity = validity
        try checkRecipient()
        try checkSender()
        try checkContent()
    }

    /// The numbers that Twilio refuses with test credentials, and what is no number at all.
    private func checkRecipient() throws(TwilioError) {
        switch number {
        case "+15005550002":
            throw TwilioError(
                400,
                21_612,
                "The 'To' phone number: \(to), is not currently reachable using the 'From' phone number: \(from ?? "") via SMS."
            )
        case "+15005550003":
            throw TwilioError(
                400,
                21_408,
                "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: \(to)"
            )
        case "+15005550004": throw TwilioError(400, 21_610, "Attempt to send to unsubscribed recipient")
        case "+15005550009": throw TwilioError(400, 21_614, "'To' number is not a valid mobile number: \(to)")
        case "+15005550001": throw invalidTo
        default: if PhoneNumber(number) == nil { throw invalidTo }
        }
    }

    private var invalidTo: TwilioError {
        TwilioError(400, 21_211, "The 'To' number \(to) is not a valid phone number.")
    }

    private func checkSender() throws(TwilioError) {
        if let service {
            guard TwilioSID.is(service, "MG"), from == nil else {
                throw TwilioError(404, 20_404, "The requested resource /Services/\(service) was not found")
            }
            return
        }
        guard let from else { throw TwilioError(400, 21_603, "A 'From' phone number is required.") }
        if isWhatsApp {
            guard from.hasPrefix(Self.whatsAppPrefix), PhoneNumber(from.dropFirst(Self.whatsAppPrefix.count)) != nil
            else {
                throw TwilioError(400, 63_007, "Twilio could not find a Channel with the specified From address")
            }
            return
        }
        switch from {
        case "+15005550007":
            throw TwilioError(
                400,
                21_606,
                "The 'From' phone number provided (\(from)) is not a valid message-capable Twilio phone number for this destination/account."
            )
        case "+15005550008":
            throw TwilioError(429, 21_611, "This 'From' number has exceeded the maximum number of queued messages")
        case "+15005550001":
            throw TwilioError(
                400,
                21_212,
                "The 'From' number \(from) is not a valid phone number, shortcode, or alphanumeric sender ID."
            )
        default:
            guard Self.isSender(from) else {
                throw TwilioError(
                    400,
                    21_212,
                    "The 'From' number \(from) is not a valid phone number, shortcode, or alphanumeric sender ID."
                )
            }
        }
    }

    private func checkContent() throws(TwilioError) {
        guard body != nil || !media.isEmpty || content != nil else {
            throw TwilioError(400, 21_619, "A text message body or media urls must be specified.")
        }
        if let body, body.count > Self.longestBody {
            throw TwilioError(400, 21_617, "The concatenated message body exceeds the 1600 character limit")
        }
        if media.count > (isWhatsApp ? 1 : 10) {
            throw TwilioError(400, 21_623, "Number of media files exceeds allowed limit")
        }
        for url in media where !url.hasPrefix("https://") && !url.hasPrefix("http://") {
            throw TwilioError(400, 21_620, "Invalid media URL(s)")
        }
        if let content, !TwilioSID.is(content, "HX") { throw TwilioError(400, 21_655, "The ContentSid is invalid") }
        if let callback {
            let host = callback.split(separator: "/", omittingEmptySubsequences: false).dropFirst(2).first ?? ""
            guard callback.hasPrefix("http://") || callback.hasPrefix("https://"), !host.isEmpty, !host.contains("_")
            else {
                throw TwilioError(400, 21_609, "The 'StatusCallback' URL \(callback) is not a valid URL.")
            }
        }
    }

    private static func variables(_ text: String?) throws(TwilioError) -> [String: String] {
        guard let text else { return [:] }
        guard let tape = try? JSONTape(Array(text.utf8)), let variables = try? tape.decode([String: String].self) else {
            throw TwilioError(400, 21_656, "The ContentVariables Parameter is invalid")
        }
        return variables
    }

    /// A number, a short code, or up to eleven letters and digits.
    private static func isSender(_ text: String) -> Bool {
        if PhoneNumber(text) != nil { return true }
        let isShortCode = (3...8).contains(text.utf8.count) && text.utf8.allSatisfy(\.isDigit)
        let isName =
            (1...11).contains(text.utf8.count) && text.contains(where: \.isLetter)
            && text.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || "0123456789 _-+&".contains(Character($0)))
            }
        return isShortCode || isName
    }
}

/// Twilio's ids: two letters for the kind, and 32 hexadecimal digits.
enum TwilioSID {
    static func make(_ kind: String) -> String { kind + "\(RequestID())".filter { $0 != "-" } }

    static func `is`(_ text: some StringProtocol, _ kind: String) -> Bool {
        text.hasPrefix(kind) && text.utf8.count == 34 && [UInt8](hex: text.dropFirst(2)) != nil
    }
}
