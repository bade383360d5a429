import CommunicationAPI
import Contracts
import Core

/// What a template must be like before it is stored: complete, safe to fill in, and within its limits.
enum TemplateRules {
    /// Bytes of a template's texts in all languages together.
    static let largest = 512 * 1_024

    /// Throws 422 with everything that is wrong, each at its place.
    ///
    /// - Parameter category: the template's; e-mails of marketing may say where to end them.
    static func check(_ body: TemplateBody, of category: MessageCategory = .care) throws(Problem) {
        var faults = variableFaults(body.variables)
        if body.contents.isEmpty { faults.append(.init(pointer: "/contents", "must have a text")) }
        let size = body.contents.values.reduce(0) { $0 + bytes(of: $1) }
        if size > largest {
            let (has, may) = (size / 1_024, largest / 1_024)
            faults.append(.init(pointer: "/contents", "has \(has) KiB of text; at most \(may) KiB are allowed"))
        }
        for (locale, texts) in body.contents.sorted(by: { $0.key < $1.key }) {
            guard faults.count < Schema.mostFaults else { break }
            guard locale.unicodeScalars.count <= Schema.longestKey else {
                faults.append(.init(pointer: "/contents", Schema.longKeyComplaint))
                continue
            }
            let place = "/contents" + JSONPointer.step(locale)
            if LocaleChain.canonical(locale) != locale {
                let detail = "is no language tag such as de or de-AT"
                faults.append(.init(pointer: place, LocaleChain.canonical(locale).map { "must be \($0)" } ?? detail))
            }
            let left = Schema.mostFaults - faults.count
            faults += Self.faults(in: texts, at: place, body.variables, category, most: left)
        }
        guard faults.isEmpty else { throw .invalid(Array(faults.prefix(Schema.mostFaults))) }
    }

    /// Whether some text is right in marketing only: it says where to end it.
    static func isForMarketing(_ body: TemplateBody) -> Bool {
        body.contents.values.contains { texts in
            faults(in: texts, at: "", body.variables, .care) != faults(in: texts, at: "", body.variables, .marketing)
        }
    }

    /// Throws 422 unless templates may be called so: small letters, digits and `_`, the first a letter.
    static func check(name: String) throws(Problem) {
        let isName =
            name.utf8.first.map(\.isSmallLetter) == true
            && name.utf8.allSatisfy { $0.isSmallLetter || $0.isDigit || $0 == UInt8(ascii: "_") }
        guard isName else {
            throw .invalid("/name", "must be of small letters, digits and _, the first a letter")
        }
    }

    /// Whether the scalar is a line break or another one that no line shows.
    static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    private static func variableFaults(_ variables: [TemplateVariable]) -> [Problem.Fault] {
        var faults: [Problem.Fault] = []
        var names: Set<String> = []
        for (index, variable) in variables.enumerated() {
            let place = "/variables/\(index)"
            if !TemplateSyntax.isName(variable.name) {
                faults.append(.init(pointer: place + "/name", "must be letters and digits, the first a small letter"))
            } else if variable.name == TemplateVariable.unsubscribeLink.name {
                faults.append(
                    .init(pointer: place + "/name", "is there in e-mails of marketing without being declared")
                )
            } else if !names.insert(variable.name).inserted {
                faults.append(.init(pointer: place + "/name", "appears twice"))
            }
            if let example = variable.example, let fault = TemplateValues.fault(of: example, as: variable.type) {
                faults.append(.init(pointer: place + "/example", fault))
            }
        }
        return faults
    }

    /// - Parameter most: how many are looked for in the templates' own words; there may be a few more.
    private static func faults(
        in texts: TemplateTexts,
        at place: String,
        _ variables: [TemplateVariable],
        _ category: MessageCategory,
        most: Int = .max
    ) -> [Problem.Fault] {
        var faults: [Problem.Fault] = []
        // One of that name that is declared all the same is its sender's.
        let mailed = category == .marketing ? variables + [.unsubscribeLink] : variables
        func check(_ text: String?, _ part: TemplateSyntax.Part, _ member: String) {
            guard let text, faults.count < most else { return }
            let known = member.hasPrefix("email/") ? mailed : variables
            let found = TemplateSyntax.faults(in: text, part: part, variables: known)
            faults += found.prefix(most - faults.count).map { Problem.Fault(pointer: "\(place)/\(member)", $0) }
            if part == .subject, text.unicodeScalars.contains(where: isControl) {
                faults.append(.init(pointer: "\(place)/\(member)", "must be one line without control characters"))
            }
        }
        check(texts.email?.subject, .subject, "email/subject")
        check(texts.email?.text, .text, "email/text")
        check(texts.email?.html, .html, "email/html")
        check(texts.sms?.text, .text, "sms/text")
        check(texts.whatsapp?.text, .text, "whatsapp/text")
        check(texts.push?.title, .subject, "push/title")
        check(texts.push?.text, .text, "push/text")
        let texted = [("sms", texts.sms?.text), ("whatsapp", texts.whatsapp?.text), ("push", texts.push?.text)]
        for (channel, text) in texted where text?.allSatisfy(\.isWhitespace) == true {
            faults.append(.init(pointer: "\(place)/\(channel)/text", "must say something"))
        }
        if let email = texts.email, email.text == nil, email.html == nil {
            faults.append(.init(pointer: place + "/email", "must have text or html"))
        }
        if texts == TemplateTexts() { faults.append(.init(pointer: place, "must have the text of a channel")) }
        if let interactive = texts.whatsapp?.interactive {
            faults += InteractiveRules.faults(interactive, at: place + "/whatsapp/interactive")
            faults += InteractiveRules.variableFaults(interactive, at: place + "/whatsapp/interactive")
        }
        if let approved = texts.whatsapp?.approved {
            faults += Self.faults(in: approved, at: place + "/whatsapp/approved", variables)
        }
        if let approved = texts.whatsapp?.approvedByTwilio {
            faults += Self.faults(in: approved, at: place + "/whatsapp/approvedByTwilio", variables)
        }
        return faults
    }

    private static func faults(
        in approved: ApprovedMapping,
        at place: String,
        _ variables: [TemplateVariable]
    ) -> [Problem.Fault] {
        var faults: [Problem.Fault] = []
        let isWord = { (text: String) in
            text.utf8.allSatisfy { $0.isLetterOrDigit || $0 == UInt8(ascii: "_") }
        }
        if !isWord(approved.name) { faults.append(.init(pointer: place + "/name", "must be of letters, digits and _")) }
        if !isWord(approved.language) {
            faults.append(.init(pointer: place + "/language", "must be of letters and _, such as en_US"))
        }
        for (index, name) in approved.parameters.enumerated() {
            if let detail = complaint(aboutPlace: name, variables) {
                faults.append(.init(pointer: "\(place)/parameters/\(index)", detail))
            }
        }
        let buttons = approved.buttons ?? []
        for (place, button) in zip(buttons.indices.map { "\(place)/buttons/\($0)" }, buttons) {
            if let detail = complaint(aboutPlace: button.parameter, variables) {
                faults.append(.init(pointer: "\(place)/parameter", detail))
            }
        }
        if Set(buttons.map(\.index)).count < buttons.count {
            faults.append(.init(pointer: "\(place)/buttons", "have two with the same index"))
        }
        return faults
    }

    /// Why a variable cannot fill a place of an approved template.
    private static func complaint(aboutPlace name: String, _ variables: [TemplateVariable]) -> String? {
        let variable = variables.first { $0.name == name }
        return switch variable?.type {
        case nil: "is not among the variables"
        case .flag, .list, .paragraph: "is no text of one line"
        default: variable?.optional == true ? "is optional; the approved template always needs it" : nil
        }
    }

    private static func bytes(of texts: TemplateTexts) -> Int {
        [
            texts.email?.subject, texts.email?.text, texts.email?.html, texts.sms?.text, texts.whatsapp?.text,
            texts.push?.title, texts.push?.text,
        ].reduce(0) { $0 + ($1?.utf8.count ?? 0) }
    }
}
