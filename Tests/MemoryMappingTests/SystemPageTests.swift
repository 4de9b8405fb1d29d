import TestSupport
import Testing

@testable import MemoryMapping

@Suite(.progress) struct SystemPageTests {
    @Test func sizeIsAPowerOfTwo() {
        #expect(SystemPage.size >= 4096)
        #expect(SystemPage.size.nonzeroBitCount == 1)
        #expect(SystemPage.roundUp(1) == SystemPage.size)
        #expect(SystemPage.roundDown(SystemPage.size * 2 - 1) == SystemPage.size)
    }

    @Test(arguments: [4096, 16384, 65536])
    func roundsForEveryPageSize(page: Int) {
        #expect(SystemPage.roundUp(0, to: page) == 0)
        #expect(SystemPage.roundUp(1, to: page) == page)
        #expect(SystemPage.roundUp(page, to: page) == page)
        #expect(SystemPage.roundUp(page + 1, to: page) == 2 * page)
        #expect(SystemPage.roundUp(Int.max, to: page) == Int.max - Int.max % page)
        #expect(SystemPage.roundUp(Int.max - page + 1, to: page) == Int.max - page + 1)
        #expect(SystemPage.roundDown(0, to: page) == 0)
        #expect(SystemPage.roundDown(page - 1, to: page) == 0)
        #expect(SystemPage.roundDown(page, to: page) == page)
        #expect(SystemPage.roundDown(Int.max, to: page) == Int.max - Int.max % page)
    }

    @Test(arguments: [4096, 16384])
    func bothRoundingsBracketEverySize(page: Int) {
        for byteCount in stride(from: 0, through: 5 * page, by: 61) {
            let up = SystemPage.roundUp(byteCount, to: page)
            let down = SystemPage.roundDown(byteCount, to: page)
            #expect(up % page == 0 && down % page == 0)
            #expect(down <= byteCount && byteCount <= up)
            #expect(up - down == (byteCount % page == 0 ? 0 : page))
        }
    }
}
