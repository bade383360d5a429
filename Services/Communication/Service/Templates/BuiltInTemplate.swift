import CommunicationAPI
import Contracts
import Core

/// A template that every clinic has until it writes its own.
struct BuiltInTemplate: Sendable {
    /// What it says in one language.
    struct Words: Sendable {
        /// Of e-mails, and the title of push notices: seen by whoever glances at the screen.
        let subject: String
        let email: String
        /// By SMS and WhatsApp.
        let short: String
        let push: String
    }

    let name: String
    let category: MessageCategory
    let variables: [TemplateVariable]
    let words: [String: Words]

    /// - Parameters:
    ///   - asks: names of the usual variables; one that may be missing ends in `?`.
    init(
        _ name: String,
        _ category: MessageCategory,
        asks: [String],
        en: Words,
        de: Words,
        hi: Words? = nil
    ) {
        self.name = name
        self.category = category
        variables = (["clinicName"] + asks).map(Self.variable)
        words = ["en": en, "de": de, "hi": hi].compactMapValues { $0 }
    }

    /// The same in every clinic: a UUIDv7 of the year 1970 that is made of the name.
    var id: TemplateID {
        let hash = { (seed: UInt64) in
            name.utf8.reduce(seed) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
        }
        let (first, second) = (hash(0xCBF2_9CE4_8422_2325), hash(0x8422_2325_CBF2_9CE4))
        return TemplateID(
            high: 0x7000 | first & 0x0FFF,
            low: 0x8000_0000_0000_0000 | second & 0x3FFF_FFFF_FFFF_FFFF
        )
    }

    var body: TemplateBody {
        TemplateBody(
            variables: variables,
            contents: words.mapValues { words in
                TemplateTexts(
                    email: EmailTexts(subject: words.subject, text: words.email),
                    sms: SMSText(text: words.short),
                    whatsapp: WhatsAppText(text: words.short),
                    push: PushText(title: words.subject, text: words.push)
                )
            }
        )
    }

    private static func variable(_ name: String) -> TemplateVariable {
        let isOptional = name.hasSuffix("?")
        let plain = isOptional ? String(name.dropLast()) : name
        guard var variable = usual.first(where: { $0.name == plain }) else {
            preconditionFailure("Cannot ask for \(plain): it is not among the usual variables")
        }
        variable.optional = isOptional ? true : nil
        return variable
    }

    /// What built-in templates ask for.
    private static let usual: [TemplateVariable] = [
        .init(name: "clinicName", type: .text, example: "Lindenhof Clinic"),
        .init(name: "patientName", type: .text, confidential: true, example: "Asha Rao"),
        .init(name: "personName", type: .text, confidential: true, example: "Dr. Okafor"),
        .init(name: "doctorName", type: .text, confidential: true, example: "Dr. Okafor"),
        .init(name: "serviceName", type: .text, confidential: true, example: "Consultation"),
        .init(name: "formName", type: .text, confidential: true, example: "Before your first visit"),
        .init(name: "date", type: .date, example: "2026-10-21"),
        .init(name: "time", type: .time, example: "10:30"),
        .init(name: "timeZone", type: .text, example: "Europe/Berlin"),
        .init(name: "formerDate", type: .date, example: "2026-10-20"),
        .init(name: "formerTime", type: .time, example: "09:00"),
        .init(name: "firstDate", type: .date, example: "2026-10-22"),
        .init(name: "firstTime", type: .time, example: "09:00"),
        .init(name: "secondDate", type: .date, example: "2026-10-22"),
        .init(name: "secondTime", type: .time, example: "14:30"),
        .init(name: "thirdDate", type: .date, example: "2026-10-23"),
        .init(name: "thirdTime", type: .time, example: "11:00"),
        .init(name: "taken", type: .flag, example: true),
        .init(name: "canAnswer", type: .flag, example: true),
        .init(name: "clinicPhone", type: .text, example: "+493012345678"),
        .init(name: "dueDate", type: .date, example: "2026-11-04"),
        .init(name: "expiryDate", type: .date, example: "2026-12-01"),
        .init(name: "amount", type: .money, example: ["amount": 150_000, "currency": "INR"]),
        .init(name: "invoiceNumber", type: .text, example: "INV-2026-000042"),
        .init(name: "link", type: .link, confidential: true, example: "https://clinic.example.org/a1b2c3"),
        .init(name: "code", type: .text, confidential: true, example: "481516"),
        .init(name: "minutes", type: .number, example: 10),
        .init(name: "credentialName", type: .text, confidential: true, example: "Medical registration"),
        .init(name: "itemName", type: .text, confidential: true, example: "Nitrile gloves, M"),
        .init(name: "quantity", type: .number, example: 12),
        .init(name: "minimum", type: .number, example: 50),
        .init(name: "alert", type: .text, example: "A provider refuses your credentials"),
        .init(
            name: "details",
            type: .paragraph,
            confidential: true,
            example: "zeptomail (email) takes nothing more.\nMessages wait until it is mended."
        ),
    ]
}
