import Glibc

/// Prefixes for keys in the shared Redis: no two tests, of this process or another, meet there.
package enum TestKeyspace {
    package static func prefix() -> String { "test:\(getpid()):\(UInt64.random(in: 0 ... .max)):" }
}
