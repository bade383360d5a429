/// Patterns for `like`, in which what somebody typed stands for itself.
package enum LikePattern {
    package static func containing(_ word: String) -> String { "%" + escaped(word) + "%" }
    package static func beginning(with word: String) -> String { escaped(word) + "%" }

    private static func escaped(_ word: String) -> String {
        word.replacing("\\", with: "\\\\").replacing("%", with: "\\%").replacing("_", with: "\\_")
    }
}
