#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

func exitWithUsage() -> Never {
    fail(
        "usage: benchmarks [--only PREFIX,PREFIX] [--systems NAME,NAME] [--rounds N] [--long] [--json | --markdown] [--svg FOLDER] [--list]",
        status: 2)
}

func exitWithError(_ text: String) -> Never {
    fail("benchmarks: \(text)", status: 1)
}

private func fail(_ text: String, status: Int32) -> Never {
    _ = (text + "\n").withCString { write(2, $0, strlen($0)) }
    exit(status)
}
