import CommunicationAPI

/// What patients are told on the way from asking for a visit to having one.
enum BookingTemplates {
    static let all = [approved, accepted, waitlistOffer, depositUploaded, depositVerified]

    private static let visit = ["patientName", "doctorName", "serviceName", "date", "time", "timeZone"]

    private static let approved = BuiltInTemplate(
        "booking_approved",
        .care,
        asks: visit + ["link?"],
        en: .init(
            subject: "{{clinicName}} has approved your booking",
            email: """
                Dear {{patientName}},

                the clinic has approved your booking for {{date}} at {{time}} ({{timeZone}}) with {{doctorName}}, \
                {{serviceName}}. You will hear from us when it is confirmed.
                {{#link}}

                Your booking: {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short:
                "{{clinicName}}: your booking for {{date}} at {{time}} is approved. We tell you when it is confirmed.",
            push: "Approved for {{date}} at {{time}}."
        ),
        de: .init(
            subject: "{{clinicName}} hat Ihre Buchung angenommen",
            email: """
                Guten Tag {{patientName}},

                die Praxis hat Ihre Buchung für den {{date}} um {{time}} Uhr ({{timeZone}}) bei {{doctorName}}, \
                {{serviceName}}, angenommen. Sie hören von uns, wenn sie bestätigt ist.
                {{#link}}

                Ihre Buchung: {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short:
                "{{clinicName}}: Ihre Buchung für den {{date}} um {{time}} Uhr ist angenommen. Die Bestätigung folgt.",
            push: "Angenommen für den {{date}} um {{time}} Uhr."
        ),
        hi: .init(
            subject: "{{clinicName}} ने आपकी बुकिंग मंज़ूर की",
            email: """
                प्रिय {{patientName}},

                क्लिनिक ने {{date}} को {{time}} बजे ({{timeZone}}) {{doctorName}} के साथ, {{serviceName}} की, आपकी बुकिंग मंज़ूर कर ली है। \
                पक्की होने पर हम आपको बताएँगे।
                {{#link}}

                आपकी बुकिंग: {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short: "{{clinicName}}: {{date}} को {{time}} बजे की आपकी बुकिंग मंज़ूर हो गई है। पक्की होने पर बताएँगे।",
            push: "{{date}} को {{time}} बजे के लिए मंज़ूर।"
        )
    )

    private static let accepted = BuiltInTemplate(
        "booking_accepted",
        .care,
        asks: visit + ["link?"],
        en: .init(
            subject: "Your booking with {{clinicName}} is accepted",
            email: """
                Dear {{patientName}},

                {{doctorName}} has accepted your booking: {{date}} at {{time}} ({{timeZone}}), {{serviceName}}.
                {{#link}}

                Your booking: {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short: "{{clinicName}}: your booking for {{date}} at {{time}} is accepted.{{#link}} {{link}}{{/link}}",
            push: "Accepted for {{date}} at {{time}}."
        ),
        de: .init(
            subject: "Ihre Buchung bei {{clinicName}} ist zugesagt",
            email: """
                Guten Tag {{patientName}},

                {{doctorName}} hat Ihre Buchung zugesagt: {{date}} um {{time}} Uhr ({{timeZone}}), {{serviceName}}.
                {{#link}}

                Ihre Buchung: {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short:
                "{{clinicName}}: Ihre Buchung für den {{date}} um {{time}} Uhr ist zugesagt.{{#link}} {{link}}{{/link}}",
            push: "Zugesagt für den {{date}} um {{time}} Uhr."
        ),
        hi: .init(
            subject: "{{clinicName}} में आपकी बुकिंग स्वीकार हुई",
            email: """
                प्रिय {{patientName}},

                {{doctorName}} ने आपकी बुकिंग स्वीकार कर ली है: {{date}} को {{time}} बजे ({{timeZone}}), {{serviceName}}।
                {{#link}}

                आपकी बुकिंग: {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short: "{{clinicName}}: {{date}} को {{time}} बजे की आपकी बुकिंग स्वीकार हुई।{{#link}} {{link}}{{/link}}",
            push: "{{date}} को {{time}} बजे के लिए स्वीकार।"
        )
    )

    private static let waitlistOffer = BuiltInTemplate(
        "waitlist_offer",
        .care,
        asks: visit + ["minutes", "link?"],
        en: .init(
            subject: "A place has come free at {{clinicName}}",
            email: """
                Dear {{patientName}},

                a time has come free: {{date}} at {{time}} ({{timeZone}}) with {{doctorName}}, {{serviceName}}. It is kept \
                for you for {{minutes}} minutes.
                {{#link}}

                Take it here: {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short: "{{clinicName}}: {{date}} at {{time}} has come free, kept for you for {{minutes}} minutes."
                + "{{#link}} Take it: {{link}}{{/link}}",
            push: "{{date}} at {{time}}, kept for you for {{minutes}} minutes."
        ),
        de: .init(
            subject: "Bei {{clinicName}} ist ein Termin frei geworden",
            email: """
                Guten Tag {{patientName}},

                ein Termin ist frei geworden: {{date}} um {{time}} Uhr ({{timeZone}}) bei {{doctorName}}, {{serviceName}}. Er \
                ist {{minutes}} Minuten für Sie reserviert.
                {{#link}}

                Hier nehmen Sie ihn an: {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short: "{{clinicName}}: {{date}} um {{time}} Uhr ist frei geworden, {{minutes}} Minuten für Sie reserviert."
                + "{{#link}} Annehmen: {{link}}{{/link}}",
            push: "{{date}} um {{time}} Uhr, {{minutes}} Minuten für Sie reserviert."
        ),
        hi: .init(
            subject: "{{clinicName}} में एक समय ख़ाली हुआ है",
            email: """
                प्रिय {{patientName}},

                एक समय ख़ाली हुआ है: {{date}} को {{time}} बजे ({{timeZone}}), {{doctorName}} के साथ, {{serviceName}}। यह {{minutes}} मिनट \
                तक आपके लिए रखा है।
                {{#link}}

                यहाँ स्वीकार करें: {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short: "{{clinicName}}: {{date}} को {{time}} बजे का समय ख़ाली है, {{minutes}} मिनट तक आपके लिए।"
                + "{{#link}} स्वीकार करें: {{link}}{{/link}}",
            push: "{{date}} को {{time}} बजे, {{minutes}} मिनट तक आपके लिए।"
        )
    )

    private static let depositUploaded = BuiltInTemplate(
        "deposit_uploaded",
        .billing,
        asks: ["patientName", "amount", "date", "time"],
        en: .init(
            subject: "{{clinicName}} has got the proof of your deposit",
            email: """
                Dear {{patientName}},

                we have got the proof of your deposit of {{amount}} for {{date}} at {{time}}. We check it and tell you.

                {{clinicName}}
                """,
            short: "{{clinicName}}: we have got the proof of your deposit of {{amount}}. We check it and tell you.",
            push: "We check it and tell you."
        ),
        de: .init(
            subject: "{{clinicName}} hat den Nachweis Ihrer Anzahlung",
            email: """
                Guten Tag {{patientName}},

                wir haben den Nachweis Ihrer Anzahlung von {{amount}} für den {{date}} um {{time}} Uhr. Wir prüfen ihn und \
                melden uns.

                {{clinicName}}
                """,
            short: "{{clinicName}}: wir haben den Nachweis Ihrer Anzahlung von {{amount}}, prüfen ihn und melden uns.",
            push: "Wir prüfen ihn und melden uns."
        ),
        hi: .init(
            subject: "{{clinicName}} को आपकी जमा राशि का प्रमाण मिला",
            email: """
                प्रिय {{patientName}},

                {{date}} को {{time}} बजे के लिए {{amount}} की आपकी जमा राशि का प्रमाण हमें मिल गया है। हम इसे जाँचकर आपको बताएँगे।

                {{clinicName}}
                """,
            short: "{{clinicName}}: {{amount}} की आपकी जमा राशि का प्रमाण मिल गया है। जाँचकर बताएँगे।",
            push: "हम इसे जाँचकर आपको बताएँगे।"
        )
    )

    private static let depositVerified = BuiltInTemplate(
        "deposit_verified",
        .billing,
        asks: ["patientName", "amount", "date", "time"],
        en: .init(
            subject: "{{clinicName}} has verified your deposit",
            email: """
                Dear {{patientName}},

                your deposit of {{amount}} for {{date}} at {{time}} is verified. Thank you.

                {{clinicName}}
                """,
            short: "{{clinicName}}: your deposit of {{amount}} for {{date}} at {{time}} is verified. Thank you.",
            push: "Thank you."
        ),
        de: .init(
            subject: "{{clinicName}} hat Ihre Anzahlung geprüft",
            email: """
                Guten Tag {{patientName}},

                Ihre Anzahlung von {{amount}} für den {{date}} um {{time}} Uhr ist geprüft und in Ordnung. Vielen Dank.

                {{clinicName}}
                """,
            short: "{{clinicName}}: Ihre Anzahlung von {{amount}} ist geprüft und in Ordnung. Vielen Dank.",
            push: "Sie ist in Ordnung. Vielen Dank."
        ),
        hi: .init(
            subject: "{{clinicName}} ने आपकी जमा राशि जाँच ली",
            email: """
                प्रिय {{patientName}},

                {{date}} को {{time}} बजे के लिए {{amount}} की आपकी जमा राशि की पुष्टि हो गई है। धन्यवाद।

                {{clinicName}}
                """,
            short: "{{clinicName}}: {{amount}} की आपकी जमा राशि की पुष्टि हो गई है। धन्यवाद।",
            push: "पुष्टि हो गई है। धन्यवाद।"
        )
    )
}
