import Core
import Testing

@testable import Communication

@Suite struct InboundCommandTests {
    private static func read(_ text: String, from number: String = "+4915112345678") throws -> InboundCommand? {
        let sender = try #require(PhoneNumber(number))
        return InboundCommands.read(text, from: sender)
    }

    @Test(
        arguments: [
            ("CONFIRM", .confirm), ("Confirm!", .confirm), ("  confirmed. ", .confirm),
            ("I confirm my appointment", .confirm),
            ("Bestätigen", .confirm), ("bestaetige", .confirm), ("Ich bestätige den Termin", .confirm),
            ("Je confirme", .confirm),
            ("CONFIRMO", .confirm), ("पुष्टि करें", .confirm), ("تأكيد", .confirm), ("подтверждаю", .confirm),
            ("確認", .confirm),
            ("CANCEL", .cancel), ("Cancel my appointment, please", .cancel), ("I want to cancel", .cancel),
            ("absagen", .cancel),
            ("Termin absagen bitte", .cancel), ("Annuler", .cancel), ("j'annule", .cancel), ("Cancelar cita", .cancel),
            ("रद्द करें", .cancel), ("إلغاء", .cancel), ("İPTAL", .cancel), ("отмена", .cancel),
            ("reschedule", .reschedule), ("Termin verschieben", .reschedule), ("déplacer", .reschedule),
            ("Reprogramar mi cita", .reschedule), ("remarcar", .reschedule),
            ("Yes", .yes), ("y", .yes), ("JA!", .yes), ("oui merci", .yes), ("Sí", .yes), ("हाँ", .yes), ("نعم", .yes),
            ("👍", .yes),
            ("✅ ", .yes), ("ok thanks", .yes), ("No", .no), ("nein danke", .no), ("não", .no), ("नहीं", .no), ("لا", .no),
            ("STOP", .stop), ("stop.", .stop), ("Stop please", .stop), ("StopAll", .stop), ("unsubscribe", .stop),
            ("OPT-OUT", .stop), ("Abmelden", .stop), ("ARRÊT", .stop), ("Désabonner", .stop), ("darse de baja", .stop),
            ("रोकें", .stop), ("توقف", .stop), ("СТОП", .stop),
            ("START", .start), ("unstop", .start), ("Anmelden", .start), ("शुरू", .start), ("ابدأ", .start),
            ("HELP", .help), ("Hilfe", .help), ("aide?", .help), ("AYUDA", .help), ("मदद", .help), ("مساعدة", .help),
        ] as [(String, InboundCommand)]
    )
    func wordsOfManyLanguages(text: String, command: InboundCommand) throws {
        #expect(try Self.read(text) == command)
    }

    @Test(
        arguments: [
            ("confrim", .confirm), ("comfirm", .confirm), ("confirmm", .confirm), ("bestätgen", .confirm),
            ("cancle", .cancel),
            ("cancell", .cancel), ("canel", .cancel), ("absaegn", .cancel), ("recshedule", .reschedule),
            ("rescedule my apointment", nil), ("verschiebn", .reschedule),
        ] as [(String, InboundCommand?)]
    )
    func slipsAreForgiven(text: String, command: InboundCommand?) throws {
        #expect(try Self.read(text) == command)
    }

    /// Whoever asks whether a visit is off has not called it off.
    @Test(
        arguments: [
            ("Cancel?", nil), ("cancle ?", nil), ("Cancel my appointment?", nil), ("Annulé ?", nil), ("Отмена?", nil),
            ("取消？", nil), ("إلغاء؟", nil), ("Absagen ❓", nil), ("No?", nil), ("nein ??", nil), ("لا؟", nil),
            ("Cancel!", .cancel), ("No.", .no), ("Confirm?", .confirm), ("Reschedule?", .reschedule), ("Yes?", .yes),
            ("STOP?", .stop),
        ] as [(String, InboundCommand?)]
    )
    func aQuestionCallsNothingOff(text: String, command: InboundCommand?) throws {
        #expect(try Self.read(text) == command)
    }

    /// What says more than a command is for people to read; above all nothing of it ends messages or a visit.
    @Test(arguments: [
        "I can't stop coughing", "Stop by at five?", "please don't stop the pills", "stop my appointment", "sop", "stp",
        "shop",
        "step", "stoop", "stopp it now", "Is the stop open?", "cancer", "Cancer?", "it's cancer", "don't cancel",
        "do not cancel my appointment", "was it cancelled", "canceled?", "cancel Tuesday, keep Friday", "can sell",
        "council",
        "ansagen", "I will not confirm", "not confirmed", "yesterday", "no idea", "nothing", "know", "helpless",
        "startle", "",
        "   ", "?!", "1", "12:30", "end", "quit", "baja", "alto", "sair", "t", "basta", "dur", "band", "parar",
        "My daughter has a fever since Monday and I do not know whether to come", "conform", "reschedules the world",
        "Report please", "Reports?", "My report", "reported", "Reporte", "reportes", "Charge?", "charges", "Chance?",
        "échange", "verschrieben", "verschieden", "Deporte", "inviare", "przewóz", "перевести", "conforme", "confira",
        "annuel", "Annuale", "angular", "canela", "anlar",
    ])
    func whatSaysMoreIsForPeople(text: String) throws {
        #expect(try Self.read(text) == nil)
    }

    @Test(arguments: [
        ("end", "+12025550123"), ("QUIT", "+12025550123"), ("baja", "+5215512345678"), ("ALTO", "+34600123456"),
        ("sair", "+5511912345678"), ("basta", "+393331234567"), ("TD", "+8613912345678"), ("dur", "+905321234567"),
        ("band karo", "+919876543210"), ("停止", "+819012345678"),
    ])
    func someWordsEndMessagesInTheirCountry(text: String, number: String) throws {
        #expect(try Self.read(text, from: number) == .stop)
        #expect(try Self.read(text, from: "+4915112345678") != .stop)
    }

    @Test(
        arguments: [
            ("रोको", "hi"), ("Bitte abmelden!", "de"), ("ARRÊT", "fr"), ("начать", "ru"), ("शुरू करें", "hi"),
            ("STOP", nil), ("Stopp", nil), ("start", nil), ("baja", nil), ("Hilfe", nil), ("", nil),
            ("Ich möchte mich abmelden, weil es mir gut geht und ich es nicht mehr brauche", nil),
        ] as [(String, String?)]
    )
    func aWordOfOneLanguageTellsIt(text: String, language: String?) {
        #expect(InboundCommands.language(of: text) == language)
    }

    /// No slip of the fingers turns any other word into one that ends messages, and the reverse.
    @Test func oneLetterNeverEndsMessages() throws {
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        for word in ["stop", "start", "unstop", "unsubscribe"] {
            for place in word.indices {
                for letter in letters where letter != word[place] {
                    var other = word
                    other.replaceSubrange(place...place, with: [letter])
                    let read = try Self.read(other)
                    #expect(read != .stop && read != .start, "\(other)")
                }
            }
        }
    }

    @Test(arguments: [
        ("abc", "abc", 0), ("abc", "abd", 1), ("abc", "acb", 1), ("abc", "ab", 1), ("abc", "abcc", 1), ("abc", "", 3),
        ("confirm", "confrim", 1), ("kitten", "sitting", 3),
    ])
    func slipsBetweenWords(wanted: String, typed: String, count: Int) {
        let (wanted, typed) = (Array(wanted.unicodeScalars), Array(typed.unicodeScalars))
        #expect(Slips(between: wanted, and: typed, takesOtherLetters: true).count == count)
        #expect(Slips(between: typed, and: wanted, takesOtherLetters: true).count == count)
    }

    @Test(
        arguments: [
            ("1", 1), (" 2. ", 2), ("3)", 3), ("#1", 1), ("1️⃣", 1), ("२", 2), ("٣", 3), ("２", 2), ("2 please", 2),
            ("0", nil),
            ("12", nil), ("1 2", nil), ("1st", nil), ("at 1", nil), ("1:30", nil), ("", nil), ("yes", nil), ("½", nil),
        ] as [(String, Int?)]
    )
    func aNumberAloneIsAChoice(text: String, choice: Int?) {
        #expect(InboundChoice.read(text) == choice)
    }
}
