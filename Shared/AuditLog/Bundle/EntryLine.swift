/// What a verifier needs to know of an entry's line beyond its bytes.
package struct EntryLine {
    /// The place the line claims.
    private(set) var seq: Int64?
    /// The leaf's hash, if the entry is past retention and only that is left.
    private(set) var prunedHash: TreeHash?

    /// Looks at the members of the line's outermost object only; a line that is no JSON object gives neither.
    init(_ line: ArraySlice<UInt8>) {
        var isPruned = false
        var hash: TreeHash?
        Self.eachMember(of: line) { key, value in
            if key.elementsEqual("seq".utf8) {
                seq = Int64(String(decoding: value, as: UTF8.self))
            } else if key.elementsEqual("pruned".utf8) {
                isPruned = value.elementsEqual("true".utf8)
            } else if key.elementsEqual("leafHash".utf8), value.count > 2 {
                hash = TreeHash(base64: String(decoding: value.dropFirst().dropLast(), as: UTF8.self))
            }
        }
        if isPruned { prunedHash = hash }
    }

    /// The line that stands in for an entry past retention.
    package static func pruned(seq: Int64, leafHash: TreeHash) -> [UInt8] {
        Array(#"{"seq":\#(seq),"pruned":true,"leafHash":"\#(leafHash.base64)"}"#.utf8)
    }

    private static func eachMember(
        of line: ArraySlice<UInt8>,
        _ body: (_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) -> Void
    ) {
        var (depth, inString, isEscaped) = (0, false, false)
        var (tokenStart, key): (Int, ArraySlice<UInt8>?) = (line.startIndex, nil)
        for index in line.indices {
            let byte = line[index]
            if inString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    inString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): inString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                if depth == 1 { tokenStart = index + 1 }
            case UInt8(ascii: ":") where depth == 1 && key == nil:
                key = line[tokenStart..<index].dropFirst().dropLast()
                tokenStart = index + 1
            case UInt8(ascii: ",") where depth == 1, UInt8(ascii: "}") where depth == 1:
                if let key { body(key, line[tokenStart..<index]) }
                key = nil
                tokenStart = index + 1
                if byte == UInt8(ascii: "}") { depth = 0 }
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
        }
    }
}

extension TreeHash {
    /// The line that an export gives for an entry past retention, of which only this hash is left.
    package func prunedLine(seq: Int64) -> [UInt8] { EntryLine.pruned(seq: seq, leafHash: self) }
}
