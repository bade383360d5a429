import Contracts

/// Where the payer pays, or does not.
enum PaymentPage {
    static func html(_ payment: JSONValue) -> String {
        let id = Markup.escape(payment["id"]?.string ?? "")
        let buttons = ["pay", "fail", "dispute"].map {
            "<form method=\"post\" action=\"/payments/\(id)/\($0)\"><button>\($0)</button></form>"
        }
        return Markup.page(
            "Payment",
            """
            <p>\(id)</p><p>\(Markup.escape(Markup.amount(payment)))</p>
            <p>Status: <b>\(Markup.escape(payment["status"]?.string ?? ""))</b></p><p>\(buttons.joined(separator: " "))</p>
            <p><a href="/">all messages and payments</a></p>
            """
        )
    }
}
