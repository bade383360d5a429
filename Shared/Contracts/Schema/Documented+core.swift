package import Core

// The wire forms of the vocabulary. Checks call each type's own parser, so "valid" and "decodes" cannot differ.

/// Unwraps what a literal is known to parse to.
private func constant<Value>(_ value: Value?) -> Value {
    guard let value else { preconditionFailure("Cannot describe \(Value.self): its placeholder does not parse") }
    return value
}

extension TypedID: Documented {
    package static var schema: Schema {
        .string(
            format: "uuid",
            example: "0198c1a2-7d3e-7c4b-9f10-2b6a5d8e4c31",
            complaint: "is not a UUID in lower case",
            parses: { TypedID.wire($0) != nil }
        )
    }
    package static var placeholder: Self { Self(high: 0, low: 0) }
}

extension Instant: Documented {
    package static var schema: Schema {
        .string(
            format: "date-time",
            example: "2026-11-21T08:30:00Z",
            complaint: "is not an RFC 3339 time with offset, in the years 1 to 9999 of UTC",
            parses: { Instant(rfc3339: $0) != nil }
        )
    }
    package static var placeholder: Instant { Instant(seconds: 0) }
}

extension CalendarDate: Documented {
    package static var schema: Schema {
        .string(
            format: "date",
            example: "2026-11-21",
            complaint: "is not a date YYYY-MM-DD",
            parses: { CalendarDate($0) != nil }
        )
    }
    package static var placeholder: CalendarDate { CalendarDate(daysSince1970: 0) }
}

extension TimeOfDay: Documented {
    package static var schema: Schema {
        .string(
            format: "time-of-day",
            pattern: "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$",
            example: "08:30",
            complaint: "is not a time HH:MM",
            parses: { TimeOfDay($0) != nil }
        )
    }
    package static var placeholder: TimeOfDay { constant(TimeOfDay(minutes: 0)) }
}

extension Currency: Documented {
    package static var schema: Schema {
        .string(
            format: "iso4217",
            pattern: "^[A-Z]{3}$",
            example: "EUR",
            complaint: "is not an ISO 4217 currency",
            parses: { Currency($0) != nil }
        )
    }
    package static var placeholder: Currency { constant(Currency("EUR")) }
}

extension Money: Documented {
    package static var schema: Schema {
        Schema(
            .object(
                ObjectRule(
                    "Money",
                    [
                        .init("amount", Schema(.integer(.min ... .max), text: "Whole minor units.", example: "150000")),
                        .init("currency", Currency.schema),
                    ]
                )
            )
        )
    }
    package static var placeholder: Money { Money(amount: 0, currency: .placeholder) }
}

extension EmailAddress: Documented {
    package static var schema: Schema {
        .string(
            format: "email",
            length: 3...EmailAddress.longest,
            example: "ada@example.org",
            complaint: EmailAddress.complaint,
            parses: { EmailAddress($0) != nil }
        )
    }
    package static var placeholder: EmailAddress { constant(EmailAddress("nobody@example.org")) }
}

extension PhoneNumber: Documented {
    package static var schema: Schema {
        .string(
            format: "e164",
            pattern: "^\\+[1-9][0-9]{7,14}$",
            example: "+4915112345678",
            complaint: "is not an E.164 number",
            parses: { PhoneNumber($0) != nil }
        )
    }
    package static var placeholder: PhoneNumber { constant(PhoneNumber("+10000000000")) }
}

extension Slug: Documented {
    package static var schema: Schema {
        .string(
            format: "slug",
            length: 2...63,
            pattern: "^[a-z0-9][a-z0-9-]*[a-z0-9]$",
            example: "riverside",
            complaint: "is not a slug (a-z, 0-9 and - inside)",
            parses: { Slug($0) != nil }
        )
    }
    package static var placeholder: Slug { constant(Slug("nobody")) }
}

extension TimeZoneName: Documented {
    package static var schema: Schema {
        .string(
            format: "iana-time-zone",
            length: 1...64,
            example: "Europe/Berlin",
            complaint: "is not an IANA time zone name",
            parses: { TimeZoneName($0) != nil }
        )
    }
    package static var placeholder: TimeZoneName { .utc }
}

extension Permission: Documented {
    package static var schema: Schema {
        .string(
            format: "permission",
            pattern: "^[a-z_]+:[a-z_]+$",
            example: "appointments:create",
            complaint: "is not a permission resource:action",
            parses: { Permission(parsing: $0) != nil }
        )
    }
    package static var placeholder: Permission { Permission("nothing:read") }
}
