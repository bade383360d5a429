import Contracts
import Core

/// Everything that arrived, and every payment, on one page.
enum InboxPage {
    /// The newest that are shown; `GET /messages` has them all.
    static let shown = 100

    /// - Parameter endpoints: where the providers are played.
    static func html(_ messages: [ReceivedMessage], _ payments: [JSONValue], endpoints: [String]) -> String {
        let mail = messages.suffix(shown).reversed().map(row).joined()
        let money = payments.prefix(shown).map(row).joined()
        let places = endpoints.map { "<li><code>\(Markup.escape($0))</code>" }.joined()
        return Markup.page(
            "Sandbox",
            """
            <p>Nothing here leaves this machine. <a href="/messages">messages</a> · <a href="/payments">payments</a> ·
            <a href="/faults">faults</a></p>
            <h2>Messages (\(messages.count))</h2><table><tr><th>at<th>by<th>to<th>message</tr>\(mail)</table>
            <h2>Payments (\(payments.count))</h2><table><tr><th>id<th>amount<th>status</tr>\(money)</table>
            <h2>Providers</h2><p>What a provider's credentials have as their <code>endpoint</code>. Whatever they say is good
            unless it contains \(SandboxCredential.refusedWords.joined(separator: ", ")); only AWS's secret access key is
            always <code>\(AWSSignature.secretAccessKey)</code>, and FCM's service account is at
            <a href="/fcm/service-account">/fcm/service-account</a>.</p><ul>\(places)</ul>
            """
        )
    }

    private static func row(_ message: ReceivedMessage) -> String {
        """
        <tr><td><small>\(message.at.rfc3339)</small><td>\(Markup.escape(message.provider))\
        <td>\(Markup.escape(message.to.joined(separator: ", ")))\
        <td><b>\(Markup.escape(message.subject ?? ""))</b><pre>\(Markup.escape(message.text ?? message.html ?? ""))</pre></tr>
        """
    }

    private static func row(_ payment: JSONValue) -> String {
        let id = Markup.escape(payment["id"]?.string ?? "")
        return """
            <tr><td><a href="/pay/\(id)">\(id)</a><td>\(Markup.escape(Markup.amount(payment)))\
            <td>\(Markup.escape(payment["status"]?.string ?? ""))</tr>
            """
    }
}
