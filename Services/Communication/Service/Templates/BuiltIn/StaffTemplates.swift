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
        BuiltInTemplates.adminAlert,
        .care,
        asks: ["alert", "details?", "link?"],
        en: .init(
            subject: "{{clinicName}}: {{alert}}",
            email: """
                {{alert}}.
                {{#details}}

                {{details}}
                {{/details}}
                {{#link}}

                Look here: {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short: "{{clinicName}}: {{alert}}.{{#details}} {{details}}{{/details}}{{#link}} {{link}}{{/link}}",
            push: "{{alert}}."
        ),
        de: .init(
            subject: "{{clinicName}}: {{alert}}",
            email: """
                {{alert}}.
                {{#details}}

                {{details}}
                {{/details}}
                {{#link}}

                Sehen Sie hier nach: {{link}}
                {{/link}}

                {{clinicName}}
                """,
            short: "{{clinicName}}: {{alert}}.{{#details}} {{details}}{{/details}}{{#link}} {{link}}{{/link}}",
            push: "{{alert}}."
        )
    )
}
