import CommunicationAPI
import Core

/// Addresses that no mail can reach, or that are no mistake but a trick.
enum AddressRules {
    /// Letters of scripts that look like Latin ones: beside those, they are there to be taken for them.
    private static let lookalikes: [ClosedRange<UInt32>] = [
        0x0370...0x03FF, 0x0400...0x058F, 0x13A0...0x13FF, 0x1C80...0x1C8F, 0x1F00...0x1FFF, 0xA640...0xA69F,
        0xAB70...0xABBF,
    ]
    /// Latin letters, those with marks too, end before it.
    private static let endOfLatin: UInt32 = 0x0250

    /// What is wrong with a message's addresses: a domain that has no form that travels, or mixes Latin letters with such as
    /// look like them, and a token that no app has.
    static func faults(_ draft: MessageDraft) -> [Problem.Fault] {
        let addresses = [(draft.to.email, "/to/email"), (draft.replyTo, "/replyTo")]
        let faults = addresses.compactMap { email, pointer -> Problem.Fault? in
            guard let email else { return nil }
            if email.mailed == nil { return Problem.Fault(pointer: pointer, DomainName.complaint) }
            guard isDeceptive(email) else { return nil }
            return Problem.Fault(pointer: pointer, "mixes letters of several alphabets in its domain")
        }
        return faults + self.faults(inPushToken: draft.to.pushToken, at: "/to/pushToken")
    }

    /// What is wrong with the addresses that are to get a test message.
    static func faults(_ recipient: TestRecipient) -> [Problem.Fault] {
        var faults: [Problem.Fault] = []
        if let email = recipient.email, email.mailed == nil {
            faults.append(.init(pointer: "/to/email", DomainName.complaint))
        }
        return faults + self.faults(inPushToken: recipient.pushToken, at: "/to/pushToken")
    }

    /// What is wrong with the token of an app that no provider would take; nothing where there is none.
    static func faults(inPushToken token: String?, at pointer: String) -> [Problem.Fault] {
        guard let token, ChannelAddress(.push, token) == nil else { return [] }
        return [.init(pointer: pointer, ChannelAddress.complaint(.push))]
    }

    static func isDeceptive(_ email: EmailAddress) -> Bool {
        email.domain.split(separator: ".").contains { label in
            var (hasLatin, hasLookalike) = (false, false)
            // Written in ASCII it is shown in letters all the same.
            let letters = DomainName.letters(of: label) ?? String(label)
            for scalar in letters.unicodeScalars where scalar.properties.isAlphabetic {
                if scalar.value < endOfLatin { hasLatin = true }
                if lookalikes.contains(where: { $0.contains(scalar.value) }) { hasLookalike = true }
            }
            return hasLatin && hasLookalike
        }
    }
}
