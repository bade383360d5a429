extension Substring {
    /// Without what is blank around it.
    ///
    /// Goes by scalars: to step back over one character, such as a flag, may mean to read all that is before it.
    package func trimming(where isBlank: (Unicode.Scalar) -> Bool) -> Substring {
        guard let first = unicodeScalars.firstIndex(where: { !isBlank($0) }),
            let last = unicodeScalars.lastIndex(where: { !isBlank($0) })
        else { return Substring() }
        return Substring(unicodeScalars[first...last])
    }
}
