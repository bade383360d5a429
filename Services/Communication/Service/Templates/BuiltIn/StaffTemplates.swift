import CommunicationAPI

/// What those who run a clinic are told.
enum StaffTemplates {
    static let all = [credentialExpiring, lowStock, adminAlert]

    private static let credentialExpiring = BuiltInTemplate(
        "credential_expiring",
        .care,
        asks: ["personName", "credentialName", "expiryDate"],
        en: .init(
            subject: "A credential at {{clinicName}} is about to expire",
            email: """
                {{credentialName}} of {{personName}} expires on {{expiryDate}}. Please have it renewed in time.

                {{clinicName}}
                """,
            short: "{{clinicName}}: {{credentialName}} of {{personName}} expires on {{expiryDate}}.",
            push: "It expires on {{expiryDate}}."
        ),
        de: .init(
            subject: "Ein Nachweis bei {{clinicName}} läuft ab",
            email: """
                {{credentialName}} von {{personName}} läuft am {{expiryDate}} ab. Bitte rechtzeitig erneuern lassen.

                {{clinicName}}
                """,
            short: "{{clinicName}}: {{credentialName}} von {{personName}} läuft am {{expiryDate}} ab.",
            push: "Er läuft am {{expiryDate}} ab."
        )
    )

    private static let lowStock = BuiltInTemplate(
        "low_stock",
        .care,
        asks: ["itemName", "quantity", "minimum?"],
        en: .init(
            subject: "Stock is low at {{clinicName}}",
            email: """
                There are {{quantity}} left of {{itemName}}{{#minimum}}; there should be at least {{minimum}}{{/minimum}}.

                {{clinicName}}
                """,
            short:
                "{{clinicName}}: {{quantity}} left of {{itemName}}{{#minimum}}, at least {{minimum}} wanted{{/minimum}}.",
            push: "{{quantity}} left of {{itemName}}."
        ),
        de: .init(
            subject: "Bei {{clinicName}} geht etwas zur Neige",
            email: """
                Von {{itemName}} sind noch {{quantity}} da{{#minimum}}; es sollten mindestens {{minimum}} sein{{/minimum}}.

                {{clinicName}}
                """,
            short:
                "{{clinicName}}: noch {{quantity}} von {{itemName}}{{#minimum}}, mindestens {{minimum}} gewünscht{{/minimum}}.",
            push: "Noch {{quantity}} von {{itemName}}."
        )
    )

    private static let adminAlert = BuiltInTemplate(
        "admin_alert",
        .care,
        asks: ["alert", "details?", "link?"],
        en: .init(
            subject: "Something needs you at {{clinicName}}",
            email: """
                {{alert}}
                {{#details}}

                {{details}}
                {{/details}}
                {{#link}}

                {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short: "{{clinicName}}: {{alert}}{{#link}} {{link}}{{/link}}",
            push: "{{alert}}"
        ),
        de: .init(
            subject: "Bei {{clinicName}} werden Sie gebraucht",
            email: """
                {{alert}}
                {{#details}}

                {{details}}
                {{/details}}
                {{#link}}

                {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short: "{{clinicName}}: {{alert}}{{#link}} {{link}}{{/link}}",
            push: "{{alert}}"
        )
    )
}
