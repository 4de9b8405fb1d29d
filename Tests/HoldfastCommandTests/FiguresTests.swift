import HoldfastTools
import TestSupport
import Testing

/// Numbers in words.
@Suite(.progress) struct FiguresTests {
    @Test func counts() {
        #expect(
            [0, 7, 999, 1000, 1_234_567, -1234].map { Figures.count($0) } == [
                "0", "7", "999", "1,000", "1,234,567", "-1,234",
            ])
        #expect(
            [0, 1, 2000].map { Figures.count($0, "root") } == ["no roots", "1 root", "2,000 roots"])
    }

    @Test func bytes() {
        let expected = [
            0: "0 bytes", 1: "1 byte", 1023: "1023 bytes", 1024: "1 KiB", 1536: "1.5 KiB",
            65536: "64 KiB", 1_048_575: "1 MiB",
            1 << 30: "1 GiB",
            10_240_000: "9.77 MiB", 123_456_789: "118 MiB", 1_072_693_248: "1 GiB",
        ]
        for (number, text) in expected { #expect(Figures.bytes(number) == text) }
    }

    @Test func sizesAreReadBack() {
        let expected = [
            "4096": 4096, "64K": 65536, "64k": 65536, "10MiB": 10 << 20, "1.5G": 3 << 29,
            "2 KB": 2048, "7b": 7,
        ]
        for (text, number) in expected { #expect(Figures.parseBytes(text) == number) }
        for text in ["", "K", "-1", "1e3", "ten", "1.2.3", "99999999T", "1X", "nan", "inf"] {
            #expect(Figures.parseBytes(text) == nil, "\(text)")
        }
    }

    @Test func durations() {
        let expected = [
            0: "0 ns", 4.2e-8: "42 ns", 1.234e-5: "12.3 us", 4.56e-3: "4.56 ms", 1.5: "1.5 s",
            42: "42 s", 60: "1 min",
            185: "3 min 5 s", 7800: "2 h 10 min", 259_200: "3 days",
        ]
        for (seconds, text) in expected { #expect(Figures.duration(seconds: seconds) == text) }
    }

    @Test func percentagesAreOnlyWholeWhereTheyAre() {
        #expect(
            [0, 0.0001, 0.056, 0.5, 0.9999, 1].map { Figures.percent($0) } == [
                "0%", "under 0.1%", "5.6%", "50%", "over 99.9%", "100%",
            ])
    }

    @Test func rates() {
        #expect(
            [0.5, 7, 123.4, 1234, 4_567_890].map { Figures.rounded($0) } == [
                "0.5", "7", "123", "1,230", "4,570,000",
            ])
    }
}
