import CommunicationAPI
import Contracts
import Core
import Testing

@testable import Communication

@Suite struct TemplateTests {
    private let data: [String: JSONValue] = [
        "clinicName": "Lindenhof & Co", "patientName": "<b>Asha</b> \"Rao\"", "doctorName": "Dr. Okafor",
        "serviceName": "Consultation", "date": "21 October 2026", "time": "10:30", "timeZone": "Europe/Berlin",
    ]

    @Test func valuesAreEscapedInHTMLAndNowhereElse() throws {
        let template = try #require(try BuiltInTemplates()[BuiltInTemplates.appointmentConfirmation])
        let content = try template.render(data)
        #expect(content.subject == "Your appointment with Lindenhof & Co")
        #expect(content.text.contains("Dear <b>Asha</b> \"Rao\","))
        #expect(content.text.contains("21 October 2026 at 10:30 (Europe/Berlin)"))
        let html = try #require(content.html)
        #expect(html.contains("&lt;b&gt;Asha&lt;/b&gt;") && !html.contains("<b>"))
        #expect(html.contains("Lindenhof &amp; Co"))
    }

    @Test func whatIsMissingIsNamed() throws {
        let template = try #require(try BuiltInTemplates()[BuiltInTemplates.appointmentReminder])
        let problem = #expect(throws: Problem.self) {
            try template.render(["clinicName": "x", "date": .null, "time": [1]])
        }
        #expect(problem?.status == 422)
        #expect(
            problem?.errors.compactMap(\.pointer) == [
                "/data/patientName", "/data/doctorName", "/data/serviceName", "/data/date", "/data/time",
                "/data/timeZone",
            ]
        )
    }

    @Test func everyTemplateRendersWithWhatItDeclares() throws {
        let templates = try BuiltInTemplates()
        for name in templates.names {
            let template = try #require(templates[name])
            let values = Dictionary(
                uniqueKeysWithValues: template.variables.map { ($0, JSONValue.string("value-of-\($0)")) }
            )
            let content = try template.render(values)
            for text in [content.subject, content.text, content.html] { #expect(text?.contains("{{") == false) }
        }
    }

    @Test func datesAreSpelled() throws {
        let draft = VisitNotice.spelled("2026-03-29T02:30")
        #expect(draft.date == "29 March 2026" && draft.time == "02:30")
    }
}
