import CommunicationAPI
import Contracts
import Core

extension CountryRules {
    /// What is wrong with a body that is to be put in force: texts by SMS that, filled with the variables' examples, are not
    /// what they are said to be registered as for India.
    func faults(in body: TemplateBody) throws -> [Problem.Fault] {
        let said = body.contents.filter { $0.value.sms?.dltTemplateId != nil }.keys.sorted()
        guard !said.isEmpty else { return [] }
        let template = try CompiledTemplate(name: "", category: .care, body)
        let examples = TemplateValues.examples(of: body.variables)
        return try said.compactMap { locale in
            let words = try template.fill(examples, locales: [locale], channels: [.sms])[.sms]?.content
            guard let words, let name = words.dltTemplate, identity(of: words.text, as: name) == nil else { return nil }
            return Problem.Fault(
                pointer: "/contents" + JSONPointer.step(locale) + "/sms/text",
                "filled with the examples is not the text \(name) as settings.countryRules registers it for India (DLT)"
            )
        }
    }
}
