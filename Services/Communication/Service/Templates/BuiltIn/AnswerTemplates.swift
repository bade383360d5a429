import CommunicationAPI

/// What patients are answered who have written a command.
///
/// What they are asked to write stands in capitals. But for STOP it is nothing that a network takes for an end of all messages,
/// as it does CANCEL alone.
enum AnswerTemplates {
    static let all = [
        confirmed, cancelled, rescheduled, kept, offer, noneFree, alreadyCancelled, tooLate, notApproved, noVisit,
        severalVisits, help, stop, start,
    ]

    private static let visit = ["date", "time"]
    private static let visitAndPhone = visit + ["clinicPhone?"]

    private static let confirmed = answer(
        "reply_confirmed",
        asks: visit,
        en: "Thank you, your appointment on {{date}} at {{time}} is confirmed.",
        de: "Danke, Ihr Termin am {{date}} um {{time}} Uhr ist bestätigt.",
        hi: "धन्यवाद, {{date}} को {{time}} बजे की आपकी अपॉइंटमेंट पक्की है।"
    )

    private static let cancelled = answer(
        "reply_cancelled",
        asks: visit,
        en: "As you asked, your appointment on {{date}} at {{time}} is cancelled.",
        de: "Wie gewünscht ist Ihr Termin am {{date}} um {{time}} Uhr abgesagt.",
        hi: "आपके कहने पर {{date}} को {{time}} बजे की अपॉइंटमेंट रद्द कर दी गई है।"
    )

    private static let rescheduled = answer(
        "reply_rescheduled",
        asks: visit,
        en: "Your appointment is now on {{date}} at {{time}}.",
        de: "Ihr Termin ist jetzt am {{date}} um {{time}} Uhr.",
        hi: "आपकी अपॉइंटमेंट अब {{date}} को {{time}} बजे है।"
    )

    private static let kept = answer(
        "reply_kept",
        asks: visit,
        en: "Your appointment stays as it is: on {{date}} at {{time}}.",
        de: "Ihr Termin bleibt, wie er ist: am {{date}} um {{time}} Uhr.",
        hi: "आपकी अपॉइंटमेंट वही रहेगी: {{date}} को {{time}} बजे।"
    )

    private static let offer = answer(
        "reply_offer",
        asks: visit + ["firstDate", "firstTime", "secondDate?", "secondTime?", "thirdDate?", "thirdTime?", "taken?"],
        en: "{{#taken}}That time is not free any more. {{/taken}}Please answer with a number: "
            + "1) {{firstDate}} at {{firstTime}}"
            + "{{#secondDate}}{{#secondTime}}, 2) {{secondDate}} at {{secondTime}}{{/secondTime}}{{/secondDate}}"
            + "{{#thirdDate}}{{#thirdTime}}, 3) {{thirdDate}} at {{thirdTime}}{{/thirdTime}}{{/thirdDate}}. "
            + "Until then {{date}} at {{time}} stays.",
        de: "{{#taken}}Diese Zeit ist nicht mehr frei. {{/taken}}Bitte antworten Sie mit einer Nummer: "
            + "1) {{firstDate}}, {{firstTime}} Uhr"
            + "{{#secondDate}}{{#secondTime}}, 2) {{secondDate}}, {{secondTime}} Uhr{{/secondTime}}{{/secondDate}}"
            + "{{#thirdDate}}{{#thirdTime}}, 3) {{thirdDate}}, {{thirdTime}} Uhr{{/thirdTime}}{{/thirdDate}}. "
            + "Bis dahin bleibt es beim {{date}}, {{time}} Uhr.",
        hi: "{{#taken}}वह समय अब खाली नहीं है। {{/taken}}कृपया नंबर से उत्तर दें: 1) {{firstDate}}, {{firstTime}}"
            + "{{#secondDate}}{{#secondTime}}, 2) {{secondDate}}, {{secondTime}}{{/secondTime}}{{/secondDate}}"
            + "{{#thirdDate}}{{#thirdTime}}, 3) {{thirdDate}}, {{thirdTime}}{{/thirdTime}}{{/thirdDate}}। "
            + "तब तक {{date}}, {{time}} ही रहेगा।"
    )

    private static let noneFree = answer(
        "reply_none_free",
        asks: visitAndPhone,
        en: "There is no other free time at present; your appointment on {{date}} at {{time}} stays."
            + "{{#clinicPhone}} You can call us: {{clinicPhone}}{{/clinicPhone}}",
        de: "Derzeit ist keine andere Zeit frei; Ihr Termin am {{date}} um {{time}} Uhr bleibt."
            + "{{#clinicPhone}} Sie erreichen uns unter {{clinicPhone}}{{/clinicPhone}}",
        hi: "अभी कोई और समय खाली नहीं है; {{date}} को {{time}} बजे की अपॉइंटमेंट वही रहेगी।"
            + "{{#clinicPhone}} हमें फ़ोन करें: {{clinicPhone}}{{/clinicPhone}}"
    )

    private static let alreadyCancelled = answer(
        "reply_already_cancelled",
        asks: visitAndPhone,
        en: "Your appointment on {{date}} at {{time}} has been cancelled already."
            + "{{#clinicPhone}} For another one please call us: {{clinicPhone}}{{/clinicPhone}}",
        de: "Ihr Termin am {{date}} um {{time}} Uhr ist schon abgesagt."
            + "{{#clinicPhone}} Für einen neuen erreichen Sie uns unter {{clinicPhone}}{{/clinicPhone}}",
        hi: "{{date}} को {{time}} बजे की आपकी अपॉइंटमेंट पहले ही रद्द हो चुकी है।"
            + "{{#clinicPhone}} नई के लिए फ़ोन करें: {{clinicPhone}}{{/clinicPhone}}"
    )

    private static let tooLate = answer(
        "reply_too_late",
        asks: visitAndPhone,
        en: "Your appointment on {{date}} at {{time}} has begun or is over, so nothing was changed."
            + "{{#clinicPhone}} You can call us: {{clinicPhone}}{{/clinicPhone}}",
        de: "Ihr Termin am {{date}} um {{time}} Uhr hat begonnen oder ist vorbei; geändert wurde nichts."
            + "{{#clinicPhone}} Sie erreichen uns unter {{clinicPhone}}{{/clinicPhone}}",
        hi: "{{date}} को {{time}} बजे की अपॉइंटमेंट शुरू या समाप्त हो चुकी है; कुछ नहीं बदला गया।"
            + "{{#clinicPhone}} हमें फ़ोन करें: {{clinicPhone}}{{/clinicPhone}}"
    )

    private static let notApproved = answer(
        "reply_not_approved",
        asks: visit,
        en: "We have not approved your appointment on {{date}} at {{time}} yet. You will hear from us.",
        de: "Ihr Termin am {{date}} um {{time}} Uhr ist noch nicht angenommen. Sie hören von uns.",
        hi: "{{date}} को {{time}} बजे की आपकी अपॉइंटमेंट अभी मंज़ूर नहीं हुई है। हम आपको बताएँगे।"
    )

    private static let noVisit = answer(
        "reply_no_visit",
        asks: ["clinicPhone?"],
        en: "We find no appointment of yours that is still to come, so nothing was changed."
            + "{{#clinicPhone}} You can call us: {{clinicPhone}}{{/clinicPhone}}",
        de: "Wir finden keinen kommenden Termin von Ihnen; geändert wurde nichts."
            + "{{#clinicPhone}} Sie erreichen uns unter {{clinicPhone}}{{/clinicPhone}}",
        hi: "हमें आपकी कोई आने वाली अपॉइंटमेंट नहीं मिली; कुछ नहीं बदला गया।"
            + "{{#clinicPhone}} हमें फ़ोन करें: {{clinicPhone}}{{/clinicPhone}}"
    )

    private static let severalVisits = answer(
        "reply_several_visits",
        asks: ["clinicPhone?"],
        en:
            "There are several appointments to come under this number and we cannot tell which you mean, so nothing was "
            + "changed. Please write to us which it is.{{#clinicPhone}} You can also call us: "
            + "{{clinicPhone}}{{/clinicPhone}}",
        de:
            "Zu dieser Nummer gibt es mehrere kommende Termine, und wir wissen nicht, welchen Sie meinen; geändert wurde "
            + "nichts. Bitte schreiben Sie uns, welcher es ist.{{#clinicPhone}} Sie erreichen uns auch unter "
            + "{{clinicPhone}}{{/clinicPhone}}",
        hi: "इस नंबर पर कई अपॉइंटमेंट हैं, इसलिए कुछ नहीं बदला गया। कृपया लिखें कि कौन-सी है।"
            + "{{#clinicPhone}} या फ़ोन करें: {{clinicPhone}}{{/clinicPhone}}"
    )

    private static let help = answer(
        BuiltInTemplates.help,
        asks: ["clinicPhone?"],
        en: "About your appointment you can answer CONFIRM, CANCEL VISIT or RESCHEDULE. STOP ends our messages."
            + "{{#clinicPhone}} You can call us: {{clinicPhone}}{{/clinicPhone}}",
        de:
            "Zu Ihrem Termin können Sie BESTÄTIGEN, ABSAGEN oder VERSCHIEBEN antworten. STOP beendet unsere Nachrichten."
            + "{{#clinicPhone}} Sie erreichen uns unter {{clinicPhone}}{{/clinicPhone}}",
        hi: "अपॉइंटमेंट के लिए CONFIRM, CANCEL VISIT या RESCHEDULE लिखें। STOP से हमारे संदेश बंद होते हैं।"
            + "{{#clinicPhone}} हमें फ़ोन करें: {{clinicPhone}}{{/clinicPhone}}"
    )

    /// It may say this much and nothing else: it goes to somebody who wants no more messages.
    private static let stop = answer(
        BuiltInTemplates.stopConfirmation,
        asks: [],
        en: "You will get no more messages from us here. Answer START to get them again.",
        de: "Sie erhalten hier keine Nachrichten mehr von uns. Antworten Sie START, um wieder welche zu erhalten.",
        hi: "अब यहाँ हमारे संदेश नहीं आएँगे। फिर से पाने के लिए START लिखें।"
    )

    private static let start = answer(
        BuiltInTemplates.startConfirmation,
        asks: [],
        en: "You will get messages from us here again. Answer STOP to end them.",
        de: "Sie erhalten hier wieder Nachrichten von uns. Antworten Sie STOP, um sie zu beenden.",
        hi: "अब यहाँ हमारे संदेश फिर आएँगे। बंद करने के लिए STOP लिखें।"
    )

    /// An answer is as short on every channel.
    private static func answer(
        _ name: String,
        asks: [String],
        en: String,
        de: String,
        hi: String
    ) -> BuiltInTemplate {
        BuiltInTemplate(
            name,
            .care,
            asks: asks,
            en: words("Your answer to {{clinicName}}", en),
            de: words("Ihre Antwort an {{clinicName}}", de),
            hi: words("{{clinicName}} को आपका उत्तर", hi)
        )
    }

    private static func words(_ subject: String, _ text: String) -> BuiltInTemplate.Words {
        .init(subject: subject, email: "\(text)\n\n{{clinicName}}", short: "{{clinicName}}: \(text)", push: text)
    }
}
