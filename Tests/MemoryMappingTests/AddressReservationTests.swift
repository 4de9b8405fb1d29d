import Testing

@testable import MemoryMapping

@Suite struct SystemPageTests {
    @Test(arguments: [4096, 16384])
    func roundsForEveryPageSize(page: Int) {
        #expect(SystemPage.roundUp(0, to: page) == 0)
        #expect(SystemPage.roundUp(1, to: page) == page)
        #expect(SystemPage.roundUp(page, to: page) == page)
        #expect(SystemPage.roundUp(page + 1, to: page) == 2 * page)
        #expect(SystemPage.roundUp(Int.max, to: page) == Int.max - Int.max % page)
    }
}
