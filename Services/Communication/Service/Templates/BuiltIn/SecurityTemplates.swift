import AccessAPI
import CommunicationAPI

/// What people are told about their accounts.
///
/// Only the installation itself sends these, and what they say is shown to nobody but who receives it.
enum SecurityTemplates {
    static let all: [BuiltInTemplate] = NoticeTemplate.allCases.map(template)

    /// Whether the template's messages hold codes and links that open accounts.
    static func contains(_ name: String?) -> Bool { name.flatMap { NoticeTemplate(rawValue: $0) } != nil }

    private static func template(_ notice: NoticeTemplate) -> BuiltInTemplate {
        switch notice {
        case .invitation: invitation
        case .oneTimeCode: oneTimeCode
        case .passwordReset: passwordReset
        case .passwordChanged: passwordChanged
        case .accountExists: accountExists
        case .breakGlassStarted: breakGlassStarted
        case .secondFactorReset: secondFactorReset
        case .phoneChanged: phoneChanged
        case .welcome: welcome
        }
    }

    private static let invitation = BuiltInTemplate(
        NoticeTemplate.invitation.rawValue,
        .security,
        asks: ["link"],
        en: .init(
            subject: "Your invitation to {{clinicName}}",
            email: """
                You have been invited to work with {{clinicName}}. To accept, open this link within 7 days; it works once:

                {{link}}

                {{clinicName}}
                """,
            short: "{{clinicName}} invites you to work with them. Accept within 7 days: {{link}}",
            push: "You have been invited. Open to accept."
        ),
        de: .init(
            subject: "Ihre Einladung zu {{clinicName}}",
            email: """
                Sie sind eingeladen, bei {{clinicName}} mitzuarbeiten. Zum Annehmen öffnen Sie innerhalb von 7 Tagen diesen \
                Link; er gilt einmal:

                {{link}}

                {{clinicName}}
                """,
            short: "{{clinicName}} lädt Sie zur Mitarbeit ein. Bitte innerhalb von 7 Tagen annehmen: {{link}}",
            push: "Sie sind eingeladen. Zum Annehmen öffnen."
        ),
        hi: .init(
            subject: "{{clinicName}} से आपका आमंत्रण",
            email: """
                आपको {{clinicName}} के साथ काम करने के लिए आमंत्रित किया गया है। स्वीकार करने के लिए 7 दिनों के भीतर यह लिंक खोलें; \
                यह एक बार काम करता है:

                {{link}}

                {{clinicName}}
                """,
            short: "{{clinicName}} ने आपको आमंत्रित किया है। 7 दिनों में स्वीकार करें: {{link}}",
            push: "आपको आमंत्रित किया गया है। स्वीकार करने के लिए खोलें।"
        )
    )

    private static let oneTimeCode = BuiltInTemplate(
        NoticeTemplate.oneTimeCode.rawValue,
        .security,
        asks: ["code", "minutes"],
        en: .init(
            subject: "Your code for {{clinicName}}",
            email: """
                Your code is {{code}}. It works once, for {{minutes}} minutes.

                Nobody from {{clinicName}} will ever ask you for it. If you did not ask for a code, you need not do anything.

                {{clinicName}}
                """,
            short:
                "{{clinicName}}: your code is {{code}}, for {{minutes}} minutes. Nobody from us will ask you for it.",
            push: "Your code is {{code}}."
        ),
        de: .init(
            subject: "Ihr Code für {{clinicName}}",
            email: """
                Ihr Code ist {{code}}. Er gilt einmal und {{minutes}} Minuten lang.

                Niemand von {{clinicName}} wird Sie je danach fragen. Wenn Sie keinen Code angefordert haben, müssen Sie \
                nichts tun.

                {{clinicName}}
                """,
            short:
                "{{clinicName}}: Ihr Code ist {{code}}, {{minutes}} Minuten gültig. Niemand von uns fragt Sie danach.",
            push: "Ihr Code ist {{code}}."
        ),
        hi: .init(
            subject: "{{clinicName}} के लिए आपका कोड",
            email: """
                आपका कोड {{code}} है। यह एक बार, {{minutes}} मिनट तक मान्य है।

                {{clinicName}} से कोई भी आपसे यह कोड कभी नहीं पूछेगा। यदि आपने कोड नहीं माँगा, तो आपको कुछ करने की आवश्यकता नहीं है।

                {{clinicName}}
                """,
            short: "{{clinicName}}: आपका कोड {{code}} है, {{minutes}} मिनट तक मान्य। इसे किसी को न बताएँ।",
            push: "आपका कोड {{code}} है।"
        )
    )

    private static let passwordReset = BuiltInTemplate(
        NoticeTemplate.passwordReset.rawValue,
        .security,
        asks: ["link"],
        en: .init(
            subject: "Your new password for {{clinicName}}",
            email: """
                To choose a new password, open this link; it works once:

                {{link}}

                If you did not ask for it, you need not do anything: your password stays as it is.

                {{clinicName}}
                """,
            short: "{{clinicName}}: choose a new password here: {{link}} If you did not ask for it, do nothing.",
            push: "Open to choose a new password."
        ),
        de: .init(
            subject: "Ihr neues Passwort für {{clinicName}}",
            email: """
                Um ein neues Passwort zu wählen, öffnen Sie diesen Link; er gilt einmal:

                {{link}}

                Wenn Sie nicht darum gebeten haben, müssen Sie nichts tun: Ihr Passwort bleibt, wie es ist.

                {{clinicName}}
                """,
            short:
                "{{clinicName}}: neues Passwort wählen: {{link}} Wenn Sie nicht darum gebeten haben, tun Sie nichts.",
            push: "Öffnen, um ein neues Passwort zu wählen."
        ),
        hi: .init(
            subject: "{{clinicName}} के लिए आपका नया पासवर्ड",
            email: """
                नया पासवर्ड चुनने के लिए यह लिंक खोलें; यह एक बार काम करता है:

                {{link}}

                यदि आपने इसे नहीं माँगा, तो आपको कुछ करने की आवश्यकता नहीं है: आपका पासवर्ड वही रहेगा।

                {{clinicName}}
                """,
            short: "{{clinicName}}: नया पासवर्ड यहाँ चुनें: {{link}}",
            push: "नया पासवर्ड चुनने के लिए खोलें।"
        )
    )

    private static let passwordChanged = BuiltInTemplate(
        NoticeTemplate.passwordChanged.rawValue,
        .security,
        asks: [],
        en: .init(
            subject: "Your password was changed",
            email: """
                Your password was changed, and everybody who was signed in with the former one has been signed out.

                If it was not you, please tell {{clinicName}} at once.

                {{clinicName}}
                """,
            short: "{{clinicName}}: your password was changed. If it was not you, please tell us at once.",
            push: "If it was not you, please tell {{clinicName}} at once."
        ),
        de: .init(
            subject: "Ihr Passwort wurde geändert",
            email: """
                Ihr Passwort wurde geändert, und alle, die mit dem früheren angemeldet waren, wurden abgemeldet.

                Wenn Sie es nicht waren, sagen Sie es {{clinicName}} bitte sofort.

                {{clinicName}}
                """,
            short:
                "{{clinicName}}: Ihr Passwort wurde geändert. Wenn Sie es nicht waren, melden Sie sich bitte sofort.",
            push: "Wenn Sie es nicht waren, sagen Sie es {{clinicName}} bitte sofort."
        ),
        hi: .init(
            subject: "आपका पासवर्ड बदला गया",
            email: """
                आपका पासवर्ड बदल दिया गया है, और पुराने पासवर्ड से साइन इन किए हुए सभी लोग साइन आउट कर दिए गए हैं।

                यदि यह आपने नहीं किया, तो कृपया {{clinicName}} को तुरंत बताएँ।

                {{clinicName}}
                """,
            short: "{{clinicName}}: आपका पासवर्ड बदला गया। यदि यह आपने नहीं किया, तो हमें तुरंत बताएँ।",
            push: "यदि यह आपने नहीं किया, तो कृपया {{clinicName}} को तुरंत बताएँ।"
        )
    )

    private static let accountExists = BuiltInTemplate(
        NoticeTemplate.accountExists.rawValue,
        .security,
        asks: [],
        en: .init(
            subject: "You have an account already",
            email: """
                Somebody, perhaps you, wanted to register with this address at {{clinicName}}. You have an account already: \
                sign in with it, or ask for a one-time code.

                If it was not you, you need not do anything.

                {{clinicName}}
                """,
            short: "{{clinicName}}: you have an account already. Sign in with it, or ask for a one-time code.",
            push: "Sign in with it, or ask for a one-time code."
        ),
        de: .init(
            subject: "Sie haben bereits ein Konto",
            email: """
                Jemand, vielleicht Sie, wollte sich mit dieser Adresse bei {{clinicName}} registrieren. Sie haben bereits ein \
                Konto: Melden Sie sich damit an, oder fordern Sie einen Einmalcode an.

                Wenn Sie es nicht waren, müssen Sie nichts tun.

                {{clinicName}}
                """,
            short:
                "{{clinicName}}: Sie haben bereits ein Konto. Melden Sie sich an oder fordern Sie einen Einmalcode an.",
            push: "Melden Sie sich damit an, oder fordern Sie einen Einmalcode an."
        ),
        hi: .init(
            subject: "आपका खाता पहले से है",
            email: """
                किसी ने, शायद आपने, इस पते से {{clinicName}} में पंजीकरण करना चाहा। आपका खाता पहले से है: उसी से साइन इन करें, या एक बार \
                का कोड माँगें।

                यदि यह आपने नहीं किया, तो आपको कुछ करने की आवश्यकता नहीं है।

                {{clinicName}}
                """,
            short: "{{clinicName}}: आपका खाता पहले से है। साइन इन करें या एक बार का कोड माँगें।",
            push: "उसी से साइन इन करें, या एक बार का कोड माँगें।"
        )
    )

    private static let breakGlassStarted = BuiltInTemplate(
        NoticeTemplate.breakGlassStarted.rawValue,
        .security,
        asks: ["personName", "minutes"],
        en: .init(
            subject: "Emergency access has begun at {{clinicName}}",
            email: """
                {{personName}} has opened emergency access to a patient's record, for {{minutes}} minutes. Everything seen \
                under it is recorded and waits for your review.

                {{clinicName}}
                """,
            short:
                "{{clinicName}}: {{personName}} has opened emergency access for {{minutes}} minutes. Please review it.",
            push: "{{personName}} has opened it for {{minutes}} minutes. Please review it."
        ),
        de: .init(
            subject: "Notfallzugriff bei {{clinicName}} begonnen",
            email: """
                {{personName}} hat für {{minutes}} Minuten den Notfallzugriff auf eine Patientenakte geöffnet. Alles, was \
                darunter gesehen wird, ist aufgezeichnet und wartet auf Ihre Prüfung.

                {{clinicName}}
                """,
            short:
                "{{clinicName}}: {{personName}} hat für {{minutes}} Minuten den Notfallzugriff geöffnet. Bitte prüfen.",
            push: "{{personName}} hat ihn für {{minutes}} Minuten geöffnet. Bitte prüfen."
        )
    )

    private static let secondFactorReset = BuiltInTemplate(
        NoticeTemplate.secondFactorReset.rawValue,
        .security,
        asks: [],
        en: .init(
            subject: "Your authenticator app was taken away",
            email: """
                Your account no longer asks for codes of an authenticator app: an administrator of {{clinicName}} has taken it \
                away. Set one up again after you have signed in.

                If you have not asked for it, please tell {{clinicName}} at once.

                {{clinicName}}
                """,
            short: "{{clinicName}}: your authenticator app was taken away. If you did not ask for it, tell us at once.",
            push: "If you have not asked for it, please tell {{clinicName}} at once."
        ),
        de: .init(
            subject: "Ihre Authentifizierungs-App wurde entfernt",
            email: """
                Ihr Konto fragt nicht mehr nach Codes einer Authentifizierungs-App: Die Verwaltung von {{clinicName}} hat sie \
                entfernt. Richten Sie nach der Anmeldung wieder eine ein.

                Wenn Sie nicht darum gebeten haben, sagen Sie es {{clinicName}} bitte sofort.

                {{clinicName}}
                """,
            short:
                "{{clinicName}}: Ihre Authentifizierungs-App wurde entfernt. Wenn Sie nicht darum baten, melden Sie sich.",
            push: "Wenn Sie nicht darum gebeten haben, sagen Sie es {{clinicName}} bitte sofort."
        ),
        hi: .init(
            subject: "आपका ऑथेंटिकेटर ऐप हटाया गया",
            email: """
                आपका खाता अब ऑथेंटिकेटर ऐप का कोड नहीं माँगता: {{clinicName}} के प्रशासक ने उसे हटा दिया है। साइन इन करने के बाद उसे \
                फिर से सेट करें।

                यदि आपने इसके लिए नहीं कहा, तो कृपया {{clinicName}} को तुरंत बताएँ।

                {{clinicName}}
                """,
            short: "{{clinicName}}: आपका ऑथेंटिकेटर ऐप हटाया गया। यदि आपने नहीं कहा, तो हमें तुरंत बताएँ।",
            push: "यदि आपने इसके लिए नहीं कहा, तो कृपया {{clinicName}} को तुरंत बताएँ।"
        )
    )

    private static let phoneChanged = BuiltInTemplate(
        NoticeTemplate.phoneChanged.rawValue,
        .security,
        asks: [],
        en: .init(
            subject: "Your phone number was changed",
            email: """
                The phone number of your account was just changed or removed. Codes to sign in with no longer go to the former one.

                If it was not you, please tell {{clinicName}} at once.

                {{clinicName}}
                """,
            short: "{{clinicName}}: the phone number of your account was changed. If it was not you, tell us at once.",
            push: "If it was not you, please tell {{clinicName}} at once."
        ),
        de: .init(
            subject: "Ihre Telefonnummer wurde geändert",
            email: """
                Die Telefonnummer Ihres Kontos wurde soeben geändert oder entfernt. Codes zum Anmelden gehen nicht mehr an die \
                bisherige.

                Wenn Sie es nicht waren, sagen Sie es bitte sofort {{clinicName}}.

                {{clinicName}}
                """,
            short:
                "{{clinicName}}: Die Telefonnummer Ihres Kontos wurde geändert. Wenn Sie es nicht waren, sagen Sie es uns sofort.",
            push: "Wenn Sie es nicht waren, sagen Sie es bitte sofort {{clinicName}}."
        ),
        hi: .init(
            subject: "आपका फ़ोन नंबर बदला गया",
            email: """
                आपके खाते का फ़ोन नंबर अभी बदला या हटाया गया। साइन इन के कोड अब पुराने नंबर पर नहीं जाएँगे।

                यदि यह आपने नहीं किया, तो कृपया {{clinicName}} को तुरंत बताएँ।

                {{clinicName}}
                """,
            short: "{{clinicName}}: आपके खाते का फ़ोन नंबर बदला गया। यदि यह आपने नहीं किया, तो हमें तुरंत बताएँ।",
            push: "यदि यह आपने नहीं किया, तो कृपया {{clinicName}} को तुरंत बताएँ।"
        )
    )

    private static let welcome = BuiltInTemplate(
        NoticeTemplate.welcome.rawValue,
        .security,
        asks: [],
        en: .init(
            subject: "Welcome to {{clinicName}}",
            email: """
                Your account at {{clinicName}} is ready. You can sign in with a one-time code at any time.

                {{clinicName}}
                """,
            short: "Welcome to {{clinicName}}. Your account is ready; sign in with a one-time code at any time.",
            push: "Your account is ready."
        ),
        de: .init(
            subject: "Willkommen bei {{clinicName}}",
            email: """
                Ihr Konto bei {{clinicName}} ist bereit. Sie können sich jederzeit mit einem Einmalcode anmelden.

                {{clinicName}}
                """,
            short:
                "Willkommen bei {{clinicName}}. Ihr Konto ist bereit; melden Sie sich jederzeit mit einem Einmalcode an.",
            push: "Ihr Konto ist bereit."
        ),
        hi: .init(
            subject: "{{clinicName}} में आपका स्वागत है",
            email: """
                {{clinicName}} में आपका खाता तैयार है। आप कभी भी एक बार के कोड से साइन इन कर सकते हैं।

                {{clinicName}}
                """,
            short: "{{clinicName}} में आपका स्वागत है। आपका खाता तैयार है।",
            push: "आपका खाता तैयार है।"
        )
    )
}
