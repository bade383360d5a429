extension CredentialShape {
    /// Every provider of every channel.
    static let table: [String: [CredentialShape]] = [
        "email": [
            shape(
                "zeptomail",
                .secret("sendMailToken"),
                .email("fromEmail"),
                .text("fromName"),
                .optional("region"),
                .secrets("webhookSecret")
            ),
            shape(
                "aws_ses",
                aws + [
                    .email("fromEmail"), .text("fromName"), .optional("configurationSet"), .optional("eventTopicArn"),
                ]
            ),
            shape(
                "smtp",
                .text("host"),
                .init(name: "port", form: .number(1...65_535)),
                .init(name: "security", form: .choice(["none", "starttls", "tls"])),
                .optional("username"),
                .init(name: "password", isSecret: true, isRequired: false),
                .email("fromEmail"),
                .text("fromName"),
                .init(name: "verifyToken", isSecret: true, isRequired: false)
            ),
            shape(
                "sendgrid",
                .secret("apiKey"),
                .email("fromEmail"),
                .text("fromName"),
                .optional("region"),
                .init(name: "webhookPublicKey", form: .texts, isRequired: false)
            ),
            shape(
                "resend",
                .secret("apiKey"),
                .email("fromEmail"),
                .text("fromName"),
                .optional("region"),
                .secrets("webhookSecret")
            ),
        ],
        "sms": [
            shape("twilio", twilio + [.optional("dltEntityId")], oneOf: [["fromNumber", "messagingServiceSid"]]),
            shape("aws_sns", aws + [.optional("senderId"), .optional("eventTopicArn")]),
        ],
        "whatsapp": [
            shape(
                "meta",
                .secret("accessToken"),
                .text("phoneNumberId"),
                .optional("businessAccountId"),
                .secret("appSecret"),
                .secret("verifyToken")
            ),
            shape("twilio", twilio + [.text("whatsappNumber")]),
        ],
        "push": [
            shape("fcm", .init(name: "serviceAccount", form: .document, isSecret: true)),
            shape("aws_sns", aws + [.text("platformApplicationArn"), .optional("eventTopicArn")]),
        ],
        "payments": [
            shape(
                "stripe",
                .secret("secretKey"),
                .text("publishableKey"),
                .init(name: "webhookSecret", form: .texts, isSecret: true)
            )
        ],
    ]

    private static let aws: [Key] = [.text("accessKeyId"), .secret("secretAccessKey"), .text("region")]
    private static let twilio: [Key] = [.text("accountSid"), .secret("authToken"), .optional("region")]

    private static func shape(_ provider: String, _ keys: Key...) -> CredentialShape { shape(provider, keys) }

    /// Every provider may be reached at another base URL, where the operator's outbound policy allows it.
    private static func shape(_ provider: String, _ keys: [Key], oneOf: [[String]] = []) -> CredentialShape {
        let choices = oneOf.joined().map { Key(name: $0, isRequired: false) }
        let endpoint = provider == "smtp" ? [] : [Key.optional("endpoint")]
        return CredentialShape(provider: provider, keys: keys + choices + endpoint, oneOf: oneOf)
    }
}

extension CredentialShape.Key {
    fileprivate static func text(_ name: String) -> Self { Self(name: name) }
    fileprivate static func optional(_ name: String) -> Self { Self(name: name, isRequired: false) }
    fileprivate static func secret(_ name: String) -> Self { Self(name: name, isSecret: true) }
    fileprivate static func secrets(_ name: String) -> Self {
        Self(name: name, form: .texts, isSecret: true, isRequired: false)
    }
    fileprivate static func email(_ name: String) -> Self { Self(name: name, form: .email) }
}
