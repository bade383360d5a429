import Contracts
import Core
import Testing

@Suite struct RouteTableTests {
    private func found(_ verb: HTTPVerb?, _ path: String) throws -> String {
        switch try RouteTable(Sample.all).find(verb, path) {
        case .found(let endpoint, let parameters):
            ([endpoint.name] + parameters.map { "\($0.name)=\($0.value)" }).joined(separator: " ")
        case .notFound: "404"
        case .methodNotAllowed(let verbs): "405 " + verbs.map(\.rawValue).joined(separator: " ")
        }
    }

    @Test(
        arguments: [
            (.POST, "/api/v1/communication/messages", "messages.send"),
            (.GET, "/api/v1/communication/messages", "405 POST"), (nil, "/api/v1/communication/messages", "405 POST"),
            (.GET, "/api/v1/doctors/a%2Fb/slots", "doctors.slots id=a/b"), (.GET, "/api/v1/doctors//slots", "404"),
            (.GET, "/api/v1/doctors/%zz/slots", "404"), (.GET, "/api/v1/doctors/%00/slots", "404"),
            (.GET, "/api/v1/doctors/%ff/slots", "404"), (.GET, "/api/v1/doctors/1/slots/", "404"),
            (.GET, "/.well-known/jwks.json", "keys.read"), (.GET, "/api/v1/.well-known/jwks.json", "404"),
            (.GET, "/api/v1/billing/invoices/7.pdf", "invoices.pdf id=7"),
            (.GET, "/api/v1/billing/invoices/.pdf", "404"),
            (.GET, "/api/v1/billing/invoices/7", "404"), (.GET, "/api/v1/internal/changes", "404"), (.GET, "/", "404"),
            (.GET, "", "404"), (.GET, "api/v1/x", "404"), (.PATCH, "/api/v1/patients/%C3%A9", "patients.change id=é"),
        ] as [(HTTPVerb?, String, String)]
    )
    func finds(_ verb: HTTPVerb?, _ path: String, _ expected: String) throws {
        #expect(try found(verb, path) == expected)
    }

    @Test func literalsComeBeforeParametersAndBackOut() throws {
        func endpoint(_ name: String, _ verb: HTTPVerb, _ path: String) -> any EndpointDescription {
            Endpoint<EmptyInput, EmptyOutput>(
                name,
                verb,
                path,
                service: .access,
                guard: .signedIn,
                audit: .change,
                summary: name
            )
        }
        let table = try RouteTable([
            endpoint("me", .GET, "/patients/me"), endpoint("one", .GET, "/patients/{id}"),
            endpoint("delete", .DELETE, "/patients/{id}"), endpoint("history", .GET, "/patients/{id}/history"),
        ])
        func name(_ verb: HTTPVerb, _ path: String) -> String? {
            if case .found(let endpoint, _) = table.find(verb, path) { endpoint.name } else { nil }
        }
        #expect(name(.GET, "/api/v1/patients/me") == "me")
        #expect(name(.GET, "/api/v1/patients/1") == "one")
        #expect(name(.DELETE, "/api/v1/patients/1") == "delete")
        #expect(name(.GET, "/api/v1/patients/me/history") == "history")
        // What the path names itself is meant by every method.
        for verb in [.PUT, .DELETE, nil] as [HTTPVerb?] {
            guard case .methodNotAllowed(let verbs) = table.find(verb, "/api/v1/patients/me") else {
                Issue.record("\(String(describing: verb)) was not refused")
                return
            }
            #expect(verbs == [.GET])
        }
        guard case .methodNotAllowed(let verbs) = table.find(.PUT, "/api/v1/patients/1") else {
            Issue.record("PUT was not refused")
            return
        }
        #expect(verbs == [.GET, .DELETE])
    }

    @Test(
        arguments: [
            ("/files/a", "rest=a"), ("/files/a/b.p/7", "rest=a/b.p/7"), ("/files/list/a", "list rest=a"),
            ("/files/list", "rest=list"), ("/files", nil), ("/files/", nil), ("/files/a//b", nil), ("/files/a/", nil),
        ] as [(String, String?)]
    )
    func aTailTakesWhatIsLeft(_ path: String, _ expected: String?) throws {
        func endpoint(_ name: String, _ path: String) -> any EndpointDescription {
            Endpoint<EmptyInput, EmptyOutput>(
                name,
                .GET,
                path,
                service: .access,
                guard: .signedIn,
                audit: .change,
                summary: name
            )
        }
        let all = [endpoint("", "/files/{rest...}"), endpoint("list ", "/files/list/{rest...}")]
        let table = try RouteTable(all)
        switch table.find(.GET, "/api/v1" + path) {
        case .found(let endpoint, let parameters):
            #expect(endpoint.name + parameters.map { "\($0.name)=\($0.value)" }.joined() == expected)
        case .notFound: #expect(expected == nil)
        case .methodNotAllowed: Issue.record("GET was refused")
        }
        if expected != nil, case .methodNotAllowed(let verbs) = table.find(.POST, "/api/v1" + path) {
            #expect(verbs == [.GET])
        } else {
            #expect(expected == nil)
        }
        #expect(RouteTable.fullPath(all[0]) == "/api/v1/files/{rest}")
        #expect(throws: SchemaError.self) { try RouteTable([endpoint("x", "/files/{rest...}/more")]) }
    }

    @Test(
        arguments: [
            (nil, "messages.send"), ("application/json", "messages.send"), ("text/xml", "messages.send"),
            ("text/csv", "messages.take_in"), (" Text/CSV ; charset=utf-8", "messages.take_in"),
        ] as [(String?, String)]
    )
    func aBodysTypeTellsOperationsOfOnePathApart(_ type: String?, _ expected: String) throws {
        for both in [[Sample.send, Sample.sheet], [Sample.sheet, Sample.send]] as [[any EndpointDescription]] {
            let path = "/api/v1/communication/messages"
            guard case .found(let endpoint, _) = try RouteTable(both).find(.POST, path, contentType: type) else {
                Issue.record("not found")
                return
            }
            #expect(endpoint.name == expected)
        }
        #expect(throws: SchemaError.self) { try RouteTable([Sample.sheet, Sample.sheet]) }
    }

    @Test func refusesTheSameRouteTwice() {
        #expect(throws: SchemaError.self) { try RouteTable([Sample.send, Sample.send]) }
    }
}
