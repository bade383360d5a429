import CommunicationAPI
import Contracts
import Testing

@testable import Communication

/// Whose order of channels a message goes by: its sender's, its recipient's, the clinic's.
@Suite struct ChannelOrderTests {
    struct Choice: Sendable {
        var category = MessageCategory.care
        /// The clinic has providers for them, or the sender has named them.
        let wanted: [MessageChannel]
        var isAskedFor = false
        let order: [MessageChannel]?
        var contact: [MessageChannel]?
        let expected: [MessageChannel]
    }

    static let choices: [Choice] = [
        Choice(wanted: [.email, .sms, .push], order: nil, expected: [.email, .sms, .push]),
        Choice(wanted: [.email, .sms, .push], order: [.push, .email, .sms], expected: [.push, .email, .sms]),
        // What it leaves out is not used, and what has no provider is passed over.
        Choice(wanted: [.email, .sms, .push], order: [.whatsapp, .sms], expected: [.sms]),
        Choice(wanted: [.email], order: [.whatsapp, .sms], expected: []),
        // Who names channels has said which.
        Choice(wanted: [.email, .sms], isAskedFor: true, order: [.sms], expected: [.email, .sms]),
        Choice(wanted: [.email, .sms], order: [.sms], contact: [.email], expected: [.email]),
        Choice(wanted: [.email, .sms], order: [.sms, .email], contact: [.email, .sms], expected: [.email, .sms]),
        Choice(wanted: [.email, .sms], order: [.sms], contact: [], expected: []),
        // What concerns an account goes wherever it can, by the order's channels first.
        Choice(
            category: .security,
            wanted: [.email, .sms, .push],
            order: [.push, .sms],
            expected: [.push, .sms, .email]
        ),
        Choice(
            category: .security,
            wanted: [.email, .sms],
            order: [.sms],
            contact: [.push],
            expected: [.sms, .email]
        ),
    ]

    @Test(arguments: choices) func theFirstWhoSaysDecides(_ choice: Choice) {
        let preferences = RecipientPreferences(
            category: choice.contact.map { CategoryPreference(category: choice.category, channels: $0) },
            orderOfClinic: choice.order.map { ChannelOrder($0) }
        )
        let found = preferences.channels(choice.wanted, choice.category, isAskedFor: choice.isAskedFor)
        #expect(found == choice.expected)
    }

    @Test func itIsReadAsItIsKept() {
        let order = ChannelOrder([.whatsapp, .sms, .email])
        #expect(ChannelOrder(settings: [ChannelOrder.settingsKey: order.stored]) == order)
        #expect(ChannelOrder(settings: [:]) == nil)
        #expect(ChannelOrder(settings: [ChannelOrder.settingsKey: .array([])]) == nil)
    }
}
