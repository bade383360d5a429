import Core

/// The words of commands in the languages of patients, as `FoldedText` spells them.
///
/// A word means the same in every language that has it here; where it does not, it is no command.
enum InboundVocabulary {
    /// Words and phrases that end messages wherever they come from, with their language; `nil` for what is said in many.
    private static let stops: [(language: String?, words: [String])] = [
        (
            nil,
            [
                "stop", "stopall", "stop all", "unsubscribe", "unsubscribe all", "revoke", "optout", "opt out", "stopp",
                "стоп",
            ]
        ),
        ("de", ["abmelden", "abbestellen"]),
        ("fr", ["arret", "arreter", "desabonner", "desinscrire", "me desabonner"]),
        ("es", ["darse de baja", "dar de baja", "darme de baja", "cancelar suscripcion"]),
        ("pt", ["cancelar subscricao", "descadastrar", "cancelar inscricao"]),
        ("it", ["disiscrivi", "disiscrivimi", "cancellami"]), ("nl", ["afmelden", "uitschrijven"]),
        ("pl", ["wypisz", "wypisz mnie"]), ("tr", ["aboneliikten cik"]), ("ru", ["отписаться", "отпишите меня"]),
        ("hi", ["रोकें", "रोको", "बंद करें", "बंद करो"]), ("ar", ["توقف", "ايقاف", "الغاء الاشتراك"]),
        ("zh", ["退订", "退訂", "取消订阅"]), ("ja", ["停止配信", "配信停止"]),
    ]

    /// Those that have messages begin again.
    private static let starts: [(language: String?, words: [String])] = [
        (nil, ["start", "unstop", "resume", "subscribe", "iniciar", "старт", "開始"]), ("de", ["anmelden"]),
        ("fr", ["reprendre", "reabonner"]), ("es", ["comenzar", "alta"]), ("pt", ["comecar"]),
        ("it", ["riprendi", "iscrivimi"]), ("nl", ["aanmelden"]), ("pl", ["zapisz"]), ("tr", ["basla"]),
        ("ru", ["начать"]), ("hi", ["शुरू", "शुरू करें"]), ("ar", ["ابدا", "اشتراك"]), ("zh", ["订阅"]),
    ]

    /// The language of words about messages themselves; of those alone that are said in no other.
    static let languages: [String: String] = (stops + starts).reduce(into: [:]) { found, group in
        for word in group.words { found[word] = group.language }
    }

    private static let stopsEverywhere = Set(stops.flatMap(\.words))

    /// Words that end messages only for numbers that begin so, because elsewhere they mean something else.
    private static let stopsByCountry: [(codes: [String], words: Set<String>)] = [
        (["+1"], ["end", "quit"]),
        (
            ["+34", "+51", "+52", "+53", "+54", "+56", "+57", "+58", "+50", "+59"],
            ["baja", "alto", "parar", "detener"]
        ),
        (["+55", "+351", "+244", "+258"], ["sair", "parar", "remover"]),
        (["+39", "+41"], ["basta"]),
        (["+86"], ["t", "td"]),
        (["+90"], ["dur", "ret"]),
        (["+91"], ["band", "band karo", "बंद"]),
        (["+81", "+86", "+886"], ["停止"]),
    ]

    /// Words that end texts from the United States, where they are not about a visit: with `stop`, `quit`, `end`, `revoke`,
    /// `opt out` and `unsubscribe` those that need no further reading there (47 CFR 64.1200(a)(10)).
    static let revocations: Set<String> = ["cancel"]

    private static let table: [(command: InboundCommand, words: [String])] = [
        (
            .confirm,
            [
                "confirm", "confirmed", "i confirm", "bestatigen", "bestatige", "bestatigt", "ich bestatige",
                "bestaetigen",
                "bestaetige", "bestaetigt", "confirmer", "confirme", "je confirme", "confirmar", "confirmo",
                "confirmado",
                "confirmada", "confermare", "confermo", "conferma", "confermato", "bevestigen", "bevestig", "bevestigd",
                "potwierdzam", "potwierdz", "onayla", "onayliyorum", "подтверждаю", "подтвердить", "पुष्टि", "पुष्टि करें",
                "पुष्टि करता हूं", "تاكيد", "اؤكد", "确认", "確認",
            ]
        ),
        (
            .cancel,
            [
                "cancel", "cancel it", "absagen", "absage", "ich sage ab", "stornieren", "annuler", "annule", "annulez",
                "j annule", "jannule", "cancelar", "cancelo", "cancela", "anular", "anulo", "desmarcar", "annullare",
                "annullo", "disdire", "disdico", "annuleren", "annuleer", "afzeggen", "odwolaj", "odwoluje", "anuluj",
                "iptal", "iptal et", "отменить", "отмена", "отменяю", "रद्द", "रद्द करें", "रद्द करो", "الغاء", "取消",
                "キャンセル",
            ]
        ),
        (
            .reschedule,
            [
                "reschedule", "rebook", "change", "verschieben", "umbuchen", "neuer", "reporter", "deplacer",
                "reprogramar", "cambiar", "reagendar", "remarcar", "spostare", "rinviare", "verzetten", "verplaatsen",
                "przeloz", "przelozyc", "ertele", "перенести", "перенос", "समय बदलें", "पुनर्निर्धारित", "تغيير الموعد",
                "اعاده جدوله",
                "改期", "変更",
            ]
        ),
        (
            .yes,
            [
                "yes", "y", "yep", "yeah", "yes i do", "ok", "okay", "ja", "jawohl", "oui", "d accord", "daccord", "si",
                "sim", "tak", "evet", "да", "हां", "हाँ", "haan", "han", "ji haan", "نعم", "是", "好", "はい",
            ]
        ),
        (
            .no,
            [
                "no", "n", "nope", "nein", "non", "nao", "nee", "nie", "hayir", "нет", "नहीं", "nahi", "nahin", "لا", "不",
                "否", "いいえ",
            ]
        ),
        (.start, starts.flatMap(\.words)),
        (
            .help,
            [
                "help", "info", "hilfe", "aide", "ayuda", "ajuda", "aiuto", "hulp", "pomoc", "yardim", "помощь", "मदद",
                "सहायता", "madad", "مساعده", "帮助", "幫助", "ヘルプ",
            ]
        ),
    ]

    /// Words and phrases that are a command when nothing else is said.
    static let commands: [String: InboundCommand] = Dictionary(
        uniqueKeysWithValues: table.flatMap { group in group.words.map { ($0, group.command) } }
    )

    /// What is answered with a picture.
    static let signs: [String: InboundCommand] = [
        "👍": .yes, "👍🏻": .yes, "👍🏼": .yes, "👍🏽": .yes, "👍🏾": .yes, "👍🏿": .yes, "👌": .yes, "✅": .yes, "✔️": .yes, "👎": .no,
        "❌": .no,
    ]

    /// What politeness adds without meaning anything else.
    static let courtesies: Set<String> = [
        "please", "pls", "plz", "thanks", "thank", "you", "thx", "bitte", "danke", "svp", "merci", "por", "favor",
        "gracias",
        "obrigado", "obrigada", "grazie", "alsjeblieft", "dank", "prosze", "dziekuje", "lutfen", "спасибо",
        "пожалуйста",
        "कृपया", "धन्यवाद", "شكرا",
    ]

    /// What names the visit that a command is about.
    static let aboutVisits: Set<String> = [
        "i", "want", "to", "my", "the", "our", "appointment", "visit", "booking", "meinen", "mein", "den", "termin",
        "mon", "le", "rendez", "vous", "rdv", "mi", "la", "cita", "minha", "consulta", "a", "il", "mio", "appuntamento",
        "mijn", "afspraak", "randevu", "randevumu", "wizyte", "запись", "прием", "अपॉइंटमेंट", "मेरा", "الموعد", "موعدي",
        "预约", "予約",
    ]

    /// Words that look like a slip of a command and are none; what is a report in one language postpones nothing in another.
    static let otherWords: Set<String> = [
        "cancer", "conform", "confine", "chancel", "ansagen", "zusagen", "report", "reports", "reported", "reporters",
        "reporte", "reportes", "reportar", "reportera", "reportero", "chance", "charge", "charges", "echange", "chante",
        "ebook", "reboot", "verschieden", "verschrieben", "befestigen", "deporte", "recorte", "remporter", "replacer",
        "inviare", "sposare", "postare", "overzetten", "przewoz", "przelot", "przelom", "przylozyc", "перевести",
        "перенес", "conforme", "conforma", "conformar", "conformer", "conformado", "conformada", "confira", "confiram",
        "gevestigd", "olayla", "annuel", "annuale", "canular", "angular", "canela", "anlar",
    ]

    /// Whether a word or phrase ends messages for a sender.
    static func ends(_ said: String, _ sender: PhoneNumber?) -> Bool {
        if stopsEverywhere.contains(said) { return true }
        return stopsByCountry.contains { country in
            country.words.contains(said) && country.codes.contains { sender?.number.hasPrefix($0) ?? false }
        }
    }
}
