package import NIOCore

/// One word of a command.
package enum RedisArgument: Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByStringInterpolation
{
    case text(String)
    case number(Int)
    case bytes([UInt8])

    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int) { self = .number(value) }
}

/// A command with its arguments, as it goes over the wire; values are counted, never quoted.
package struct RedisCommand: Sendable, ExpressibleByArrayLiteral {
    package var arguments: [RedisArgument]
    /// How long the server may hold the reply back (`BLOCK`); zero for commands that answer at once.
    package var blocksFor: Duration

    package init(_ arguments: [RedisArgument], blocksFor: Duration = .zero) {
        self.arguments = arguments
        self.blocksFor = blocksFor
    }

    package init(arrayLiteral elements: RedisArgument...) { self.init(elements) }

    /// Appends the command in RESP: an array of bulk strings.
    package func encode(into buffer: inout ByteBuffer) {
        buffer.writeLength(UInt8(ascii: "*"), arguments.count)
        for argument in arguments {
            switch argument {
            case .text(let text):
                buffer.writeLength(UInt8(ascii: "$"), text.utf8.count)
                buffer.writeString(text)
            case .bytes(let bytes):
                buffer.writeLength(UInt8(ascii: "$"), bytes.count)
                buffer.writeBytes(bytes)
            case .number(let number):
                let text = String(number)
                buffer.writeLength(UInt8(ascii: "$"), text.utf8.count)
                buffer.writeString(text)
            }
            buffer.writeStaticString("\r\n")
        }
    }
}

extension ByteBuffer {
    fileprivate mutating func writeLength(_ mark: UInt8, _ length: Int) {
        writeInteger(mark)
        if length < 10 {
            writeInteger(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: length))
        } else {
            writeString(String(length))
        }
        writeStaticString("\r\n")
    }
}
