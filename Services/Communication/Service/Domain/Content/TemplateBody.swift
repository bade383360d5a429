import CommunicationAPI
import Contracts
import Core

/// What a template declares and says: the part of it that has versions.
struct TemplateBody: Wire, Hashable {
    var variables: [TemplateVariable]
    var contents: [String: TemplateTexts]

    /// The body after a merge patch (RFC 7396).
    ///
    /// Throws 422 for what is incomplete then.
    func applying(_ patch: TemplatePatch) throws -> TemplateBody {
        var changed = self
        changed.variables = patch.variables ?? variables
        guard let contents = patch.contents else { return changed }
        let merged = try Self.json(changed).merging(["contents": Self.json(contents)])
        let tape = try JSONTape(try JSONWriter.encode(merged))
        let faults = try Schema.of(TemplateBody.self).violations(in: tape)
        guard faults.isEmpty else { throw Problem.invalid(faults) }
        return try tape.decode(TemplateBody.self)
    }

    private static func json(_ value: some Encodable) throws -> JSONValue {
        try JSONTape(try JSONWriter.encode(value)).decode(JSONValue.self)
    }
}

extension JSONValue {
    /// RFC 7396: members of objects are merged, `null` removes, all else is replaced.
    fileprivate func merging(_ patch: JSONValue) -> JSONValue {
        guard case .object(let changes) = patch else { return patch }
        var members: [String: JSONValue] = if case .object(let members) = self { members } else { [:] }
        for (name, change) in changes {
            members[name] = change == .null ? nil : (members[name] ?? .null).merging(change)
        }
        return .object(members)
    }
}
