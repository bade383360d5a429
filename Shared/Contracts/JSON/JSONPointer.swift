/// Places in a JSON document (RFC 6901).
package enum JSONPointer {
    /// The step into a member, with the slash before it.
    package static func step(_ name: String) -> String {
        "/" + name.replacing("~", with: "~0").replacing("/", with: "~1")
    }
}
