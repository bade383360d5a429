import CommunicationAPI

/// What patients are told about what they owe and have paid.
enum BillingTemplates {
    static let all = [invoice, paymentReceived, paymentFailed, refund, overdue]

    private static let invoice = BuiltInTemplate(
        BuiltInTemplates.invoice,
        .billing,
        asks: ["patientName", "invoiceNumber", "amount", "dueDate?", "link?"],
        en: .init(
            subject: "Your invoice from {{clinicName}}",
            email: """
                Dear {{patientName}},

                this is invoice {{invoiceNumber}} over {{amount}}{{#dueDate}}, due on {{dueDate}}{{/dueDate}}.
                {{#link}}

                See and pay it here: {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short:
                "{{clinicName}}: invoice {{invoiceNumber}} over {{amount}}{{#dueDate}}, due on {{dueDate}}{{/dueDate}}."
                + "{{#link}} {{link}}{{/link}}",
            push: "{{amount}}{{#dueDate}}, due on {{dueDate}}{{/dueDate}}."
        ),
        de: .init(
            subject: "Ihre Rechnung von {{clinicName}}",
            email: """
                Guten Tag {{patientName}},

                dies ist die Rechnung {{invoiceNumber}} über {{amount}}{{#dueDate}}, fällig am {{dueDate}}{{/dueDate}}.
                {{#link}}

                Hier sehen und bezahlen Sie sie: {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short:
                "{{clinicName}}: Rechnung {{invoiceNumber}} über {{amount}}{{#dueDate}}, fällig am {{dueDate}}{{/dueDate}}."
                + "{{#link}} {{link}}{{/link}}",
            push: "{{amount}}{{#dueDate}}, fällig am {{dueDate}}{{/dueDate}}."
        ),
        hi: .init(
            subject: "{{clinicName}} से आपका बिल",
            email: """
                प्रिय {{patientName}},

                यह {{amount}} का बिल {{invoiceNumber}} है{{#dueDate}}, जिसे {{dueDate}} तक चुकाना है{{/dueDate}}।
                {{#link}}

                यहाँ देखें और भुगतान करें: {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short: "{{clinicName}}: {{amount}} का बिल {{invoiceNumber}}{{#dueDate}}, अंतिम तिथि {{dueDate}}{{/dueDate}}।"
                + "{{#link}} {{link}}{{/link}}",
            push: "{{amount}}{{#dueDate}}, अंतिम तिथि {{dueDate}}{{/dueDate}}।"
        )
    )

    private static let paymentReceived = BuiltInTemplate(
        BuiltInTemplates.paymentReceived,
        .billing,
        asks: ["patientName", "invoiceNumber", "amount"],
        en: .init(
            subject: "Your payment to {{clinicName}}",
            email: """
                Dear {{patientName}},

                we have received {{amount}} for invoice {{invoiceNumber}}. Thank you.

                {{clinicName}}
                """,
            short: "{{clinicName}}: we have received {{amount}} for invoice {{invoiceNumber}}. Thank you.",
            push: "We have received {{amount}}. Thank you."
        ),
        de: .init(
            subject: "Ihre Zahlung an {{clinicName}}",
            email: """
                Guten Tag {{patientName}},

                wir haben {{amount}} für die Rechnung {{invoiceNumber}} erhalten. Vielen Dank.

                {{clinicName}}
                """,
            short: "{{clinicName}}: wir haben {{amount}} für die Rechnung {{invoiceNumber}} erhalten. Vielen Dank.",
            push: "Wir haben {{amount}} erhalten. Vielen Dank."
        ),
        hi: .init(
            subject: "{{clinicName}} को आपका भुगतान",
            email: """
                प्रिय {{patientName}},

                बिल {{invoiceNumber}} के लिए हमें {{amount}} प्राप्त हुए हैं। धन्यवाद।

                {{clinicName}}
                """,
            short: "{{clinicName}}: बिल {{invoiceNumber}} के लिए {{amount}} प्राप्त हुए। धन्यवाद।",
            push: "हमें {{amount}} प्राप्त हुए हैं। धन्यवाद।"
        )
    )

    private static let paymentFailed = BuiltInTemplate(
        BuiltInTemplates.paymentFailed,
        .billing,
        asks: ["patientName", "invoiceNumber", "amount", "link?"],
        en: .init(
            subject: "Your payment to {{clinicName}} did not go through",
            email: """
                Dear {{patientName}},

                your payment of {{amount}} for invoice {{invoiceNumber}} did not go through, and nothing was taken. Please \
                try again, or pay in another way.
                {{#link}}

                Pay here: {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short:
                "{{clinicName}}: your payment of {{amount}} for {{invoiceNumber}} did not go through. Please try again."
                + "{{#link}} {{link}}{{/link}}",
            push: "Please try again, or pay in another way."
        ),
        de: .init(
            subject: "Ihre Zahlung an {{clinicName}} ist fehlgeschlagen",
            email: """
                Guten Tag {{patientName}},

                Ihre Zahlung von {{amount}} für die Rechnung {{invoiceNumber}} ist fehlgeschlagen, und es wurde nichts \
                abgebucht. Bitte versuchen Sie es noch einmal, oder zahlen Sie auf anderem Weg.
                {{#link}}

                Hier bezahlen: {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short:
                "{{clinicName}}: Ihre Zahlung von {{amount}} für {{invoiceNumber}} ist fehlgeschlagen. Bitte noch einmal "
                + "versuchen.{{#link}} {{link}}{{/link}}",
            push: "Bitte versuchen Sie es noch einmal, oder zahlen Sie auf anderem Weg."
        ),
        hi: .init(
            subject: "{{clinicName}} को आपका भुगतान नहीं हो सका",
            email: """
                प्रिय {{patientName}},

                बिल {{invoiceNumber}} के लिए {{amount}} का आपका भुगतान नहीं हो सका, और कोई राशि नहीं कटी है। कृपया फिर से प्रयास करें, या किसी और \
                तरीके से भुगतान करें।
                {{#link}}

                यहाँ भुगतान करें: {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short: "{{clinicName}}: बिल {{invoiceNumber}} का {{amount}} का भुगतान नहीं हो सका। कृपया फिर से प्रयास करें।"
                + "{{#link}} {{link}}{{/link}}",
            push: "कृपया फिर से प्रयास करें, या किसी और तरीके से भुगतान करें।"
        )
    )

    private static let refund = BuiltInTemplate(
        "refund",
        .billing,
        asks: ["patientName", "invoiceNumber", "amount"],
        en: .init(
            subject: "A refund from {{clinicName}}",
            email: """
                Dear {{patientName}},

                we have refunded {{amount}} for invoice {{invoiceNumber}}. It reaches you the way you paid, within a few days.

                {{clinicName}}
                """,
            short: "{{clinicName}}: we have refunded {{amount}} for invoice {{invoiceNumber}}. It takes a few days.",
            push: "We have refunded {{amount}}."
        ),
        de: .init(
            subject: "Eine Erstattung von {{clinicName}}",
            email: """
                Guten Tag {{patientName}},

                wir haben {{amount}} für die Rechnung {{invoiceNumber}} erstattet. Der Betrag erreicht Sie in einigen Tagen auf \
                dem Weg, auf dem Sie bezahlt haben.

                {{clinicName}}
                """,
            short:
                "{{clinicName}}: wir haben {{amount}} für die Rechnung {{invoiceNumber}} erstattet. Es dauert einige Tage.",
            push: "Wir haben {{amount}} erstattet."
        ),
        hi: .init(
            subject: "{{clinicName}} से राशि की वापसी",
            email: """
                प्रिय {{patientName}},

                बिल {{invoiceNumber}} के लिए हमने {{amount}} लौटा दिए हैं। यह राशि कुछ दिनों में उसी तरीके से आप तक पहुँचेगी जिससे आपने भुगतान किया था।

                {{clinicName}}
                """,
            short: "{{clinicName}}: बिल {{invoiceNumber}} के {{amount}} लौटा दिए गए हैं। इसमें कुछ दिन लगेंगे।",
            push: "हमने {{amount}} लौटा दिए हैं।"
        )
    )

    private static let overdue = BuiltInTemplate(
        "overdue",
        .billing,
        asks: ["patientName", "invoiceNumber", "amount", "dueDate", "link?"],
        en: .init(
            subject: "An invoice from {{clinicName}} is open",
            email: """
                Dear {{patientName}},

                invoice {{invoiceNumber}} was due on {{dueDate}}, and {{amount}} of it is still open. If you have paid \
                meanwhile, please take no notice of this.
                {{#link}}

                Pay here: {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short: "{{clinicName}}: {{amount}} of invoice {{invoiceNumber}}, due on {{dueDate}}, is still open."
                + "{{#link}} Pay: {{link}}{{/link}}",
            push: "{{amount}} was due on {{dueDate}}."
        ),
        de: .init(
            subject: "Eine Rechnung von {{clinicName}} ist offen",
            email: """
                Guten Tag {{patientName}},

                die Rechnung {{invoiceNumber}} war am {{dueDate}} fällig, und {{amount}} davon sind noch offen. Wenn Sie \
                inzwischen bezahlt haben, ist diese Nachricht gegenstandslos.
                {{#link}}

                Hier bezahlen: {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short: "{{clinicName}}: {{amount}} der Rechnung {{invoiceNumber}}, fällig am {{dueDate}}, sind noch offen."
                + "{{#link}} Bezahlen: {{link}}{{/link}}",
            push: "{{amount}} waren am {{dueDate}} fällig."
        ),
        hi: .init(
            subject: "{{clinicName}} का एक बिल बाकी है",
            email: """
                प्रिय {{patientName}},

                बिल {{invoiceNumber}} की अंतिम तिथि {{dueDate}} थी, और {{amount}} अभी बाकी हैं। यदि आपने इस बीच भुगतान कर दिया है, तो इस संदेश पर \
                ध्यान न दें।
                {{#link}}

                यहाँ भुगतान करें: {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short: "{{clinicName}}: बिल {{invoiceNumber}} के {{amount}} अभी बाकी हैं; अंतिम तिथि {{dueDate}} थी।"
                + "{{#link}} {{link}}{{/link}}",
            push: "{{amount}} बाकी हैं; अंतिम तिथि {{dueDate}} थी।"
        )
    )
}
