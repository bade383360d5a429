import CommunicationAPI
import Contracts
import Core

/// A request that gives providers for some of the channels.
protocol ChannelDrafts {
    var email: ChannelDraft? { get }
    var sms: ChannelDraft? { get }
    var whatsapp: ChannelDraft? { get }
    var push: ChannelDraft? { get }
}

extension ConfigurationDraft: ChannelDrafts {}
extension DefaultProvidersDraft: ChannelDrafts {}

extension ChannelDrafts {
    /// What is given, by channel.
    var chains: [MessageChannel: ChannelDraft] {
        let all: [(MessageChannel, ChannelDraft?)] = [
            (.email, email), (.sms, sms), (.whatsapp, whatsapp), (.push, push),
        ]
        return Dictionary(uniqueKeysWithValues: all.compactMap { channel, chain in chain.map { (channel, $0) } })
    }
}

extension DefaultProvidersDraft {
    /// What is said to a request without any provider.
    static var empty: Problem { .invalid("", "must have email, sms, whatsapp or push") }
}
