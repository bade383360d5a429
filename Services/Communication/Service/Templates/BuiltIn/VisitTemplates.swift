import CommunicationAPI

/// What patients are told about their visits.
enum VisitTemplates {
    static let all = [
        confirmation, change, cancellation, reminder, reminderTwoHours, reminderHalfHour, videoLink, formToFill,
    ]

    private static let visit = ["patientName", "doctorName", "serviceName", "date", "time", "timeZone"]

    private static let confirmation = BuiltInTemplate(
        BuiltInTemplates.appointmentConfirmation,
        .care,
        asks: visit,
        en: .init(
            subject: "Your appointment with {{clinicName}}",
            email: """
                Dear {{patientName}},

                your appointment is confirmed: {{date}} at {{time}} ({{timeZone}}) with {{doctorName}}, {{serviceName}}.

                If you cannot come, please let us know.
                {{clinicName}}
                """,
            short:
                "{{clinicName}}: your appointment is confirmed for {{date}} at {{time}}. If you cannot come, let us know.",
            push: "Confirmed for {{date}} at {{time}}."
        ),
        de: .init(
            subject: "Ihr Termin bei {{clinicName}}",
            email: """
                Guten Tag {{patientName}},

                Ihr Termin ist bestätigt: {{date}} um {{time}} Uhr ({{timeZone}}) bei {{doctorName}}, {{serviceName}}.

                Wenn Sie nicht kommen können, sagen Sie uns bitte Bescheid.
                {{clinicName}}
                """,
            short:
                "{{clinicName}}: Ihr Termin am {{date}} um {{time}} Uhr ist bestätigt. Bitte sagen Sie ab, wenn Sie nicht "
                + "können.",
            push: "Bestätigt für den {{date}} um {{time}} Uhr."
        ),
        hi: .init(
            subject: "{{clinicName}} में आपकी अपॉइंटमेंट",
            email: """
                प्रिय {{patientName}},

                आपकी अपॉइंटमेंट पक्की हो गई है: {{date}} को {{time}} बजे ({{timeZone}}), {{doctorName}} के साथ, {{serviceName}}।

                यदि आप नहीं आ सकते, तो कृपया हमें बताएँ।
                {{clinicName}}
                """,
            short: "{{clinicName}}: आपकी अपॉइंटमेंट {{date}} को {{time}} बजे पक्की है। न आ सकें तो कृपया बताएँ।",
            push: "{{date}} को {{time}} बजे पक्की है।"
        )
    )

    private static let change = BuiltInTemplate(
        BuiltInTemplates.appointmentChange,
        .care,
        asks: visit + ["formerDate?", "formerTime?"],
        en: .init(
            subject: "Your appointment with {{clinicName}} has moved",
            email: """
                Dear {{patientName}},

                your appointment with {{doctorName}}, {{serviceName}}, has a new time: {{date}} at {{time}} ({{timeZone}}).
                {{#formerDate}}
                The former one, {{formerDate}}{{#formerTime}} at {{formerTime}}{{/formerTime}}, no longer holds.
                {{/formerDate}}

                If you cannot come, please let us know.
                {{clinicName}}
                """,
            short:
                "{{clinicName}}: your appointment has moved to {{date}} at {{time}}. If you cannot come, let us know.",
            push: "New time: {{date}} at {{time}}."
        ),
        de: .init(
            subject: "Ihr Termin bei {{clinicName}} wurde verlegt",
            email: """
                Guten Tag {{patientName}},

                Ihr Termin bei {{doctorName}}, {{serviceName}}, hat eine neue Zeit: {{date}} um {{time}} Uhr ({{timeZone}}).
                {{#formerDate}}
                Der frühere, {{formerDate}}{{#formerTime}} um {{formerTime}} Uhr{{/formerTime}}, gilt nicht mehr.
                {{/formerDate}}

                Wenn Sie nicht kommen können, sagen Sie uns bitte Bescheid.
                {{clinicName}}
                """,
            short: "{{clinicName}}: Ihr Termin wurde auf den {{date}} um {{time}} Uhr verlegt.",
            push: "Neue Zeit: {{date}} um {{time}} Uhr."
        ),
        hi: .init(
            subject: "{{clinicName}} में आपकी अपॉइंटमेंट का समय बदला",
            email: """
                प्रिय {{patientName}},

                {{doctorName}} के साथ आपकी अपॉइंटमेंट, {{serviceName}}, का नया समय है: {{date}} को {{time}} बजे ({{timeZone}})।
                {{#formerDate}}
                पहले का समय, {{formerDate}}{{#formerTime}} को {{formerTime}} बजे{{/formerTime}}, अब मान्य नहीं है।
                {{/formerDate}}

                यदि आप नहीं आ सकते, तो कृपया हमें बताएँ।
                {{clinicName}}
                """,
            short: "{{clinicName}}: आपकी अपॉइंटमेंट का नया समय {{date}} को {{time}} बजे है।",
            push: "नया समय: {{date}} को {{time}} बजे।"
        )
    )

    private static let cancellation = BuiltInTemplate(
        BuiltInTemplates.appointmentCancellation,
        .care,
        asks: visit,
        en: .init(
            subject: "Your appointment with {{clinicName}} was cancelled",
            email: """
                Dear {{patientName}},

                your appointment on {{date}} at {{time}} ({{timeZone}}) with {{doctorName}}, {{serviceName}}, was cancelled.

                {{clinicName}}
                """,
            short: "{{clinicName}}: your appointment on {{date}} at {{time}} was cancelled.",
            push: "{{date}} at {{time}} was cancelled."
        ),
        de: .init(
            subject: "Ihr Termin bei {{clinicName}} wurde abgesagt",
            email: """
                Guten Tag {{patientName}},

                Ihr Termin am {{date}} um {{time}} Uhr ({{timeZone}}) bei {{doctorName}}, {{serviceName}}, wurde abgesagt.

                {{clinicName}}
                """,
            short: "{{clinicName}}: Ihr Termin am {{date}} um {{time}} Uhr wurde abgesagt.",
            push: "{{date}} um {{time}} Uhr wurde abgesagt."
        ),
        hi: .init(
            subject: "{{clinicName}} में आपकी अपॉइंटमेंट रद्द हुई",
            email: """
                प्रिय {{patientName}},

                {{date}} को {{time}} बजे ({{timeZone}}) {{doctorName}} के साथ आपकी अपॉइंटमेंट, {{serviceName}}, रद्द कर दी गई है।

                {{clinicName}}
                """,
            short: "{{clinicName}}: {{date}} को {{time}} बजे की आपकी अपॉइंटमेंट रद्द कर दी गई है।",
            push: "{{date}} को {{time}} बजे की अपॉइंटमेंट रद्द हुई।"
        )
    )

    /// A day before, or whenever it is asked for; of what it asks for see `AnswerTemplates`.
    private static let reminder = BuiltInTemplate(
        BuiltInTemplates.appointmentReminder,
        .care,
        asks: visit + ["canAnswer?"],
        en: .init(
            subject: "A reminder from {{clinicName}}",
            email: """
                Dear {{patientName}},

                we expect you on {{date}} at {{time}} ({{timeZone}}) with {{doctorName}}, {{serviceName}}.

                If you cannot come, please let us know.
                {{clinicName}}
                """,
            short: "{{clinicName}}: we expect you on {{date}} at {{time}}. "
                + "{{#canAnswer}}Please answer CONFIRM, CANCEL VISIT or RESCHEDULE.{{/canAnswer}}"
                + "{{^canAnswer}}If you cannot come, please let us know.{{/canAnswer}}",
            push: "We expect you on {{date}} at {{time}}."
        ),
        de: .init(
            subject: "Eine Erinnerung von {{clinicName}}",
            email: """
                Guten Tag {{patientName}},

                wir erwarten Sie am {{date}} um {{time}} Uhr ({{timeZone}}) bei {{doctorName}}, {{serviceName}}.

                Wenn Sie nicht kommen können, sagen Sie uns bitte Bescheid.
                {{clinicName}}
                """,
            short:
                "{{clinicName}}: wir erwarten Sie am {{date}} um {{time}} Uhr. "
                + "{{#canAnswer}}Bitte antworten Sie BESTÄTIGEN, ABSAGEN oder VERSCHIEBEN.{{/canAnswer}}"
                + "{{^canAnswer}}Bitte sagen Sie ab, wenn Sie nicht können.{{/canAnswer}}",
            push: "Wir erwarten Sie am {{date}} um {{time}} Uhr."
        ),
        hi: .init(
            subject: "{{clinicName}} की ओर से याद दिलाना",
            email: """
                प्रिय {{patientName}},

                {{date}} को {{time}} बजे ({{timeZone}}) {{doctorName}} के साथ, {{serviceName}} के लिए, हम आपकी प्रतीक्षा करेंगे।

                यदि आप नहीं आ सकते, तो कृपया हमें बताएँ।
                {{clinicName}}
                """,
            short: "{{clinicName}}: {{date}} को {{time}} बजे हम आपकी प्रतीक्षा करेंगे। "
                + "{{#canAnswer}}उत्तर में CONFIRM, CANCEL VISIT या RESCHEDULE लिखें।{{/canAnswer}}"
                + "{{^canAnswer}}न आ सकें तो कृपया बताएँ।{{/canAnswer}}",
            push: "{{date}} को {{time}} बजे हम आपकी प्रतीक्षा करेंगे।"
        )
    )

    private static let reminderTwoHours = BuiltInTemplate(
        BuiltInTemplates.appointmentReminderTwoHours,
        .care,
        asks: visit,
        en: .init(
            subject: "In about two hours: your appointment with {{clinicName}}",
            email: """
                Dear {{patientName}},

                in about two hours, at {{time}} ({{timeZone}}), {{doctorName}} expects you: {{serviceName}}.

                {{clinicName}}
                """,
            short: "{{clinicName}}: in about two hours, at {{time}}, we expect you.",
            push: "In about two hours, at {{time}}, we expect you."
        ),
        de: .init(
            subject: "In etwa zwei Stunden: Ihr Termin bei {{clinicName}}",
            email: """
                Guten Tag {{patientName}},

                in etwa zwei Stunden, um {{time}} Uhr ({{timeZone}}), erwartet Sie {{doctorName}}: {{serviceName}}.

                {{clinicName}}
                """,
            short: "{{clinicName}}: in etwa zwei Stunden, um {{time}} Uhr, erwarten wir Sie.",
            push: "In etwa zwei Stunden, um {{time}} Uhr, erwarten wir Sie."
        ),
        hi: .init(
            subject: "लगभग दो घंटे में: {{clinicName}} में आपकी अपॉइंटमेंट",
            email: """
                प्रिय {{patientName}},

                लगभग दो घंटे में, {{time}} बजे ({{timeZone}}), {{doctorName}} आपकी प्रतीक्षा करेंगे: {{serviceName}}।

                {{clinicName}}
                """,
            short: "{{clinicName}}: लगभग दो घंटे में, {{time}} बजे, हम आपकी प्रतीक्षा करेंगे।",
            push: "लगभग दो घंटे में, {{time}} बजे, हम आपकी प्रतीक्षा करेंगे।"
        )
    )

    private static let reminderHalfHour = BuiltInTemplate(
        BuiltInTemplates.appointmentReminderHalfHour,
        .care,
        asks: visit + ["link?"],
        en: .init(
            subject: "In half an hour: your appointment with {{clinicName}}",
            email: """
                Dear {{patientName}},

                in half an hour, at {{time}} ({{timeZone}}), {{doctorName}} expects you: {{serviceName}}.
                {{#link}}

                Here you come in: {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short:
                "{{clinicName}}: in half an hour, at {{time}}, we expect you.{{#link}} Come in here: {{link}}{{/link}}",
            push: "In half an hour, at {{time}}, we expect you."
        ),
        de: .init(
            subject: "In einer halben Stunde: Ihr Termin bei {{clinicName}}",
            email: """
                Guten Tag {{patientName}},

                in einer halben Stunde, um {{time}} Uhr ({{timeZone}}), erwartet Sie {{doctorName}}: {{serviceName}}.
                {{#link}}

                Hier geht es hinein: {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short: "{{clinicName}}: in einer halben Stunde, um {{time}} Uhr, erwarten wir Sie."
                + "{{#link}} Hier hinein: {{link}}{{/link}}",
            push: "In einer halben Stunde, um {{time}} Uhr, erwarten wir Sie."
        ),
        hi: .init(
            subject: "आधे घंटे में: {{clinicName}} में आपकी अपॉइंटमेंट",
            email: """
                प्रिय {{patientName}},

                आधे घंटे में, {{time}} बजे ({{timeZone}}), {{doctorName}} आपकी प्रतीक्षा करेंगे: {{serviceName}}।
                {{#link}}

                यहाँ से जुड़ें: {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short: "{{clinicName}}: आधे घंटे में, {{time}} बजे, हम आपकी प्रतीक्षा करेंगे।{{#link}} यहाँ से जुड़ें: {{link}}{{/link}}",
            push: "आधे घंटे में, {{time}} बजे, हम आपकी प्रतीक्षा करेंगे।"
        )
    )

    private static let videoLink = BuiltInTemplate(
        "video_link",
        .care,
        asks: ["patientName", "doctorName", "date", "time", "timeZone", "link"],
        en: .init(
            subject: "The link to your appointment with {{clinicName}}",
            email: """
                Dear {{patientName}},

                on {{date}} at {{time}} ({{timeZone}}) you meet {{doctorName}} by video. Open this link a few minutes before, \
                in a quiet place; it is for you alone:

                {{link}}

                {{clinicName}}
                """,
            short: "{{clinicName}}: your appointment by video, {{date}} at {{time}}: {{link}}",
            push: "By video, {{date}} at {{time}}. Open to come in."
        ),
        de: .init(
            subject: "Der Link zu Ihrem Termin bei {{clinicName}}",
            email: """
                Guten Tag {{patientName}},

                am {{date}} um {{time}} Uhr ({{timeZone}}) sprechen Sie per Video mit {{doctorName}}. Öffnen Sie diesen Link \
                einige Minuten vorher an einem ruhigen Ort; er ist nur für Sie:

                {{link}}

                {{clinicName}}
                """,
            short: "{{clinicName}}: Ihr Termin per Video am {{date}} um {{time}} Uhr: {{link}}",
            push: "Per Video, {{date}} um {{time}} Uhr. Zum Eintreten öffnen."
        ),
        hi: .init(
            subject: "{{clinicName}} में आपकी अपॉइंटमेंट का लिंक",
            email: """
                प्रिय {{patientName}},

                {{date}} को {{time}} बजे ({{timeZone}}) आप वीडियो पर {{doctorName}} से मिलेंगे। कुछ मिनट पहले, किसी शांत जगह पर, यह लिंक \
                खोलें; यह केवल आपके लिए है:

                {{link}}

                {{clinicName}}
                """,
            short: "{{clinicName}}: {{date}} को {{time}} बजे वीडियो अपॉइंटमेंट: {{link}}",
            push: "वीडियो पर, {{date}} को {{time}} बजे। जुड़ने के लिए खोलें।"
        )
    )

    private static let formToFill = BuiltInTemplate(
        "form_to_fill",
        .care,
        asks: ["patientName", "formName", "link", "dueDate?"],
        en: .init(
            subject: "{{clinicName}} asks you to fill in a form",
            email: """
                Dear {{patientName}},

                please fill in this form{{#dueDate}} until {{dueDate}}{{/dueDate}}: {{formName}}.

                {{link}}

                {{clinicName}}
                """,
            short: "{{clinicName}}: please fill in this form{{#dueDate}} until {{dueDate}}{{/dueDate}}: {{link}}",
            push: "Open to fill it in."
        ),
        de: .init(
            subject: "{{clinicName}} bittet Sie, ein Formular auszufüllen",
            email: """
                Guten Tag {{patientName}},

                bitte füllen Sie dieses Formular{{#dueDate}} bis zum {{dueDate}}{{/dueDate}} aus: {{formName}}.

                {{link}}

                {{clinicName}}
                """,
            short:
                "{{clinicName}}: bitte füllen Sie dieses Formular{{#dueDate}} bis zum {{dueDate}}{{/dueDate}} aus: {{link}}",
            push: "Zum Ausfüllen öffnen."
        ),
        hi: .init(
            subject: "{{clinicName}} का निवेदन: एक फ़ॉर्म भरें",
            email: """
                प्रिय {{patientName}},

                कृपया यह फ़ॉर्म{{#dueDate}} {{dueDate}} तक{{/dueDate}} भरें: {{formName}}।

                {{link}}

                {{clinicName}}
                """,
            short: "{{clinicName}}: कृपया यह फ़ॉर्म{{#dueDate}} {{dueDate}} तक{{/dueDate}} भरें: {{link}}",
            push: "भरने के लिए खोलें।"
        )
    )
}
