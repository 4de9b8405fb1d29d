import TestSupport
import Testing

@testable import MemoryMapping

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

// Linux only, because these tests access `sigaction` and `siginfo_t`, whose fields have other names
// elsewhere.
#if canImport(Glibc)
    /// Signals that are not the guard's must have the same effect as without it. Each test runs in
    /// a child process, because handlers apply to the whole process.
    @Suite(.progress) struct SignalChainTests {
        // MARK: Without another handler

        @Test func aFaultOutsideStillEndsTheProcess() async {
            await #expect(processExitsWith: .signal(SIGBUS)) {
                signal(SIGBUS, SIG_DFL)
                _ = try guarded()
                exit(Int32(touch(try missingPage())))
            }
        }

        @Test func aFaultThatIsIgnoredStillEndsTheProcess() async {
            // The system does not let faults be ignored either.
            await #expect(processExitsWith: .signal(SIGBUS)) {
                signal(SIGBUS, SIG_IGN)
                _ = try guarded()
                exit(Int32(touch(try missingPage())))
            }
        }

        @Test func aSignalThatSomebodySendsDoesWhatItDid() async {
            await #expect(processExitsWith: .signal(SIGBUS)) {
                signal(SIGBUS, SIG_DFL)
                _ = try guarded()
                kill(getpid(), SIGBUS)
                pause()
            }
            await #expect(processExitsWith: .success) {
                signal(SIGBUS, SIG_IGN)
                _ = try guarded()
                kill(getpid(), SIGBUS)
                // Sent to the process, so another thread may get it, but it kills none.
                raise(SIGBUS)
                exit(EXIT_SUCCESS)
            }
        }

        @Test func aRangeIsNoLongerGuardedWhenItsReservationIsGone() async {
            await #expect(processExitsWith: .signal(SIGBUS)) {
                signal(SIGBUS, SIG_DFL)
                let address: UnsafeMutableRawPointer
                do {
                    let (reservation, _) = try cutFile(pages: 2)
                    reservation.guardAgainstFaults()
                    address = reservation.baseAddress + page
                    withExtendedLifetime(reservation) {}
                }
                exit(Int32(touch(try missingPage(at: address))))
            }
        }

        // MARK: With another handler

        @Test(.disabled(if: hasThreadSanitizer(), "it blocks all signals while a handler runs"))
        func aHandlerWithDetailsIsCalledWithAllOfThem() async {
            await #expect(processExitsWith: .success) {
                install(SA_SIGINFO) { signal, info, context in
                    guard signal == SIGBUS, let info, context != nil, info.pointee.si_code == 2,
                        info.pointee._sifields._sigfault.si_addr == expectedAddress,
                        isBlocked(SIGBUS),
                        isBlocked(SIGUSR1), !isBlocked(SIGUSR2)
                    else { _exit(3) }
                    _exit(EXIT_SUCCESS)
                }
                unblock([SIGUSR1, SIGUSR2])
                let (reservation, _) = try guarded()
                // First a fault of ours, then one of theirs.
                guard touch(reservation.baseAddress + page) == 0, reservation.firstFault == page
                else { _exit(4) }
                let missing = try missingPage()
                expectedAddress = missing + 5
                _ = touch(missing + 5)
                _exit(5)
            }
        }

        @Test func aPlainHandlerIsCalled() async {
            await #expect(processExitsWith: .exitCode(42)) {
                signal(SIGBUS) { $0 == SIGBUS ? _exit(42) : _exit(3) }
                _ = try guarded()
                _ = touch(try missingPage())
                _exit(5)
            }
        }

        @Test func aHandlerThatMendsTheFaultGoesOnEachTime() async {
            await #expect(processExitsWith: .success) {
                install(SA_SIGINFO) { _, info, _ in
                    calls += 1
                    errno = EBADF
                    let address = info?.pointee._sifields._sigfault.si_addr
                    mmap(
                        address, page, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
                }
                unblock([SIGUSR1])
                let (reservation, _) = try guarded()
                for round in 1 ... 3 {
                    let missing = try missingPage()
                    errno = EXDEV
                    let value = touch(missing)
                    let code = errno
                    guard value == 0, code == EXDEV, calls == round, !isBlocked(SIGBUS),
                        !isBlocked(SIGUSR1)
                    else {
                        _exit(3)
                    }
                }
                guard touch(reservation.baseAddress + page) == 0, reservation.firstFault == page,
                    calls == 3
                else {
                    _exit(4)
                }
                _exit(EXIT_SUCCESS)
            }
        }

        @Test func aHandlerForOneSignalIsCalledOnce() async {
            await #expect(processExitsWith: .signal(SIGBUS)) {
                install(SA_SIGINFO | Int32(bitPattern: UInt32(SA_RESETHAND))) { _, info, _ in
                    let address = info?.pointee._sifields._sigfault.si_addr
                    mmap(
                        address, page, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
                }
                _ = try guarded()
                guard touch(try missingPage()) == 0 else { _exit(3) }
                exit(Int32(touch(try missingPage())))
            }
        }

        @Test(.disabled(if: hasThreadSanitizer(), "it blocks all signals while a handler runs"))
        func aHandlerMayTouchGuardedPagesIfItLetsTheSignalThrough() async {
            await #expect(processExitsWith: .success) {
                install(SA_SIGINFO | SA_NODEFER) { _, _, _ in
                    guard let expectedAddress, touch(expectedAddress) == 0 else { _exit(3) }
                    _exit(EXIT_SUCCESS)
                }
                let (reservation, _) = try guarded()
                expectedAddress = reservation.baseAddress + page
                _ = touch(try missingPage())
                withExtendedLifetime(reservation) {}
                _exit(5)
            }
        }

        @Test func aSentSignalWhoseNumbersLookLikeAGuardedAddressIsNotTakenForAFault() async {
            await #expect(processExitsWith: .exitCode(42)) {
                install(SA_SIGINFO) { _, info, _ in
                    _exit((info?.pointee.si_code ?? 1) <= 0 ? 42 : 3)
                }
                let (reservation, _) = try guarded()
                raise(SIGBUS)
                withExtendedLifetime(reservation) {}
                _exit(5)
            }
        }

        // MARK: The guard itself

        @Test(.disabled(if: hasThreadSanitizer(), "it blocks all signals while a handler runs"))
        func handlersOfOtherSignalsMayFaultWhileThePageIsReplaced() async {
            // Another thread keeps sending signals to this one, and their handler touches lost
            // pages too.
            await #expect(processExitsWith: .success) {
                signal(SIGBUS, SIG_DFL)
                let pages = 4096
                let (reservation, _) = try cutFile(pages: pages)
                reservation.guardAgainstFaults()
                expectedAddress = reservation.baseAddress
                signal(SIGALRM) { _ in
                    calls += 1
                    guard let expectedAddress,
                        touch(expectedAddress + (1 + calls % 2047) * page) == 0
                    else { _exit(3) }
                }
                unblock([SIGALRM])
                victim = pthread_self()
                var thread = pthread_t()
                pthread_create(
                    &thread, nil,
                    { _ in
                        while true {
                            pthread_kill(victim, SIGALRM)
                            // With more signals the thread would do nothing else.
                            usleep(20)
                        }
                    }, nil)
                for index in 2048 ..< pages where touch(reservation.baseAddress + index * page) != 0
                { _exit(4) }
                guard reservation.firstFault != nil, calls > 0 else { _exit(5) }
                _exit(EXIT_SUCCESS)
            }
        }

        @Test func aThreadWithAStackForSignalsIsGuarded() async {
            await #expect(processExitsWith: .success) {
                let (reservation, _) = try guarded()
                var stack = stack_t()
                stack.ss_size = 64 << 10
                stack.ss_sp = malloc(stack.ss_size)
                guard sigaltstack(&stack, nil) == 0, touch(reservation.baseAddress + page) == 0,
                    reservation.firstFault == page
                else { _exit(3) }
                _exit(EXIT_SUCCESS)
            }
        }
    }

    // For handlers, which take no context. Each child process has its own.
    nonisolated(unsafe) private var expectedAddress: UnsafeMutableRawPointer?
    nonisolated(unsafe) private var calls = 0
    nonisolated(unsafe) private var victim = pthread_t()

    /// Installs a handler that blocks SIGUSR1.
    private func install(
        _ flags: Int32,
        _ handler:
            @escaping @convention(c) (
                Int32, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?
            ) -> Void
    ) {
        var action = sigaction()
        action.sa_flags = flags
        sigaddset(&action.sa_mask, SIGUSR1)
        action.__sigaction_handler.sa_sigaction = handler
        sigaction(SIGBUS, &action, nil)
    }

    private func hasThreadSanitizer() -> Bool { dlsym(nil, "__tsan_init") != nil }

    /// Swift's threads block most signals.
    private func unblock(_ signals: [Int32]) {
        var mask = sigset_t()
        for signal in signals { sigaddset(&mask, signal) }
        pthread_sigmask(SIG_UNBLOCK, &mask, nil)
    }

    private func isBlocked(_ signal: Int32) -> Bool {
        var mask = sigset_t()
        pthread_sigmask(SIG_BLOCK, nil, &mask)
        return sigismember(&mask, signal) == 1
    }

    /// Four guarded pages, three of which are lost.
    private func guarded() throws -> (AddressReservation, descriptor: Int32) {
        let result = try cutFile(pages: 4)
        result.0.guardAgainstFaults()
        return result
    }

    /// A page of an empty file, which belongs to no reservation.
    private func missingPage(at address: UnsafeMutableRawPointer? = nil) throws
        -> UnsafeMutableRawPointer
    {
        try withDirectory { directory in
            let descriptor = try directory.openFile()
            defer { close(descriptor) }
            let flags = address == nil ? MAP_SHARED : MAP_SHARED | MAP_FIXED
            let result = mmap(address, page, PROT_READ, flags, descriptor, 0)
            guard let result, result != MAP_FAILED else {
                throw TemporaryDirectory.Failure(what: "mmap", code: errno)
            }
            return result
        }
    }

    @inline(never)
    private func touch(_ address: UnsafeMutableRawPointer) -> UInt8 { address.load(as: UInt8.self) }
#endif
