// Signals. Code that runs inside a handler is marked; it makes only calls that are allowed there,
// and uses only memory that was prepared when the handler was installed.
//
// The Darwin branches were written with the Linux ones but never run, for lack of a Mac. The same
// holds for Musl.

import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The handler of SIGBUS. Guarded addresses are handled by ``FaultGuard``; everything else is
/// forwarded to the previous handler, as if this one did not exist.
///
/// Installed once and never removed. A handler that the program installs later runs first; it keeps
/// the guard working if it forwards unknown signals to the handler that it replaced, as this one
/// does.
enum SignalChain {
    /// Linux sends SIGBUS, and only that, for an inaccessible page of a file. Darwin sends SIGBUS
    /// or SIGSEGV, and SIGBUS for forbidden accesses as well; so there a stray write into a guarded
    /// range may become a reported fault instead of killing the process.
    #if canImport(Darwin)
        private static let signals = [SIGBUS, SIGSEGV]
    #else
        private static let signals = [SIGBUS]
    #endif

    /// The previous actions, in the order of `signals`. Plain memory, allocated once.
    ///
    /// `nonisolated(unsafe)` because pointers are not `Sendable`; the mutable part is atomic.
    nonisolated(unsafe) private static let previous = UnsafeMutablePointer<PreviousAction>.allocate(
        capacity: signals.count)

    static func install() {
        for (index, signal) in signals.enumerated() {
            var before = sigaction()
            unsafe demand(
                sigaction(signal, nil, &before) == 0,
                "the handler of signal \(signal) cannot be looked up")
            // Before the handler is installed, which needs it. A handler that other code installs
            // between these two calls is lost; only an agreement with that code could prevent it.
            unsafe (previous + index).initialize(to: PreviousAction(before, of: signal))

            var ours = sigaction()
            unsafe sigemptyset(&ours.sa_mask)
            // ONSTACK: harmless for threads without an alternate stack, and a previous handler may
            // rely on it. NODEFER: the handler holds nothing, so it can interrupt itself. With the
            // signal blocked, a second one (another signal's handler that touches a lost page,
            // while this one runs) would kill the process. RESTART: as before, for system calls
            // interrupted by a SIGBUS that is not ours.
            let kept = unsafe (previous + index).pointee.restartsCalls ? SA_RESTART : 0
            ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | kept
            #if canImport(Darwin)
                ours.__sigaction_u.__sa_sigaction = onSignal
            #elseif canImport(Glibc)
                unsafe ours.__sigaction_handler.sa_sigaction = unsafe onSignal
            #elseif canImport(Musl)
                ours.__sa_handler.sa_sigaction = onSignal
            #endif
            unsafe demand(
                sigaction(signal, &ours, nil) == 0,
                "no handler for signal \(signal) can be installed")
        }
    }

    /// In the handler: does what would have happened without this handler.
    fileprivate static func pass(
        _ signal: Int32, _ info: UnsafeMutablePointer<siginfo_t>?,
        _ context: UnsafeMutableRawPointer?
    ) {
        let action = unsafe previous + (signal == SIGBUS ? 0 : 1)
        let handler = unsafe action.pointee.takeHandler()
        let isFault = unsafe SystemCalls.isFault(info)
        if handler == PreviousAction.ignore && !isFault { return }
        if handler <= PreviousAction.ignore {
            // A fault cannot be ignored; the system kills the process then too. `sigaction()` is
            // all zero: SIG_DFL.
            var standard = sigaction()
            unsafe sigaction(signal, &standard, nil)
            // The faulting instruction runs again and faults again, so that a core dump shows the
            // true place. A signal sent by a process would be lost, so it is raised again.
            if !isFault { raise(signal) }
            return
        }
        // This handler blocks no signals; the previous one blocked some. The return from the
        // handler undoes this.
        unsafe pthread_sigmask(SIG_BLOCK, &action.pointee.blocked, nil)
        if unsafe action.pointee.wantsDetails {
            unsafe unsafeBitCast(handler, to: DetailedHandler.self)(signal, info, context)
        } else {
            unsafe unsafeBitCast(handler, to: PlainHandler.self)(signal)
        }
    }

    private typealias PlainHandler = @convention(c) (Int32) -> Void
    private typealias DetailedHandler =
        @convention(c) (Int32, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?) -> Void
}

/// A program's action for a signal before the guard was installed. Immutable except `handler`.
private struct PreviousAction: ~Copyable {
    static var standard: UInt { 0 }
    static var ignore: UInt { 1 }

    /// The address of the function, or one of the two above: `SIG_DFL` and `SIG_IGN` have these
    /// values everywhere.
    private let handler: Atomic<UInt>
    /// Whether it takes three arguments.
    let wantsDetails: Bool
    /// Whether it handles one signal only.
    private let isOneShot: Bool
    /// Whether system calls continue after it.
    let restartsCalls: Bool
    /// Signals that are blocked while it runs.
    var blocked: sigset_t

    init(_ action: sigaction, of signal: Int32) {
        func has(_ flag: some BinaryInteger) -> Bool {
            UInt32(bitPattern: action.sa_flags) & UInt32(truncatingIfNeeded: flag) != 0
        }
        #if canImport(Darwin)
            let function = action.__sigaction_u.__sa_sigaction
        #elseif canImport(Glibc)
            let function = unsafe action.__sigaction_handler.sa_sigaction
        #elseif canImport(Musl)
            let function = action.__sa_handler.sa_sigaction
        #endif
        // The union holds a function of one or three arguments, or a small number; its bits are the
        // same either way.
        let address = unsafe unsafeBitCast(function, to: UInt.self)
        handler = Atomic(address)
        wantsDetails = has(SA_SIGINFO)
        isOneShot = has(SA_RESETHAND)
        restartsCalls = has(SA_RESTART) || address <= Self.ignore
        blocked = action.sa_mask
        if !has(SA_NODEFER) { unsafe sigaddset(&blocked, signal) }
    }

    /// In the handler: the function to call; a one-shot function is returned once.
    func takeHandler() -> UInt {
        isOneShot
            ? handler.exchange(Self.standard, ordering: .acquiringAndReleasing)
            : handler.load(ordering: .acquiring)
    }
}

/// The handler itself. `errno` belongs to the interrupted code.
private func onSignal(
    _ signal: Int32, _ info: UnsafeMutablePointer<siginfo_t>?, _ context: UnsafeMutableRawPointer?
) {
    let code = errno
    if unsafe !(SystemCalls.isMissingPage(signal, info)
        && FaultGuard.absorb(SystemCalls.faultAddress(info)))
    {
        unsafe SignalChain.pass(signal, info, context)
    }
    errno = code
}

/// In the handler: the system's information about a signal.
extension SystemCalls {
    /// Whether an instruction caused the signal, and will run again; not a signal sent by a
    /// process, or a report about memory that was not touched.
    static func isFault(_ info: UnsafeMutablePointer<siginfo_t>?) -> Bool {
        guard let info = unsafe info else { return false }
        #if canImport(Darwin)
            return info.pointee.si_code < SI_USER
        #else
            return unsafe info.pointee.si_code > 0
                && info.pointee.si_code != busMemoryErrorElsewhere
        #endif
    }

    /// Whether other memory at that address resolves the fault. It does not for an unaligned
    /// access, which would fault again for ever. It does for memory that has lost its contents
    /// (Linux's third code).
    static func isMissingPage(_ signal: Int32, _ info: UnsafeMutablePointer<siginfo_t>?) -> Bool {
        guard let info = unsafe info, unsafe isFault(info) else { return false }
        #if canImport(Darwin)
            return signal == SIGSEGV || info.pointee.si_code != BUS_ADRALN
        #else
            return unsafe info.pointee.si_code == busNoSuchAddress
                || info.pointee.si_code == busObjectError
                || info.pointee.si_code == busMemoryErrorHere
        #endif
    }

    static func faultAddress(_ info: UnsafeMutablePointer<siginfo_t>?) -> UInt {
        #if canImport(Darwin)
            return UInt(bitPattern: info?.pointee.si_addr)
        #elseif canImport(Glibc)
            return unsafe UInt(bitPattern: info?.pointee._sifields._sigfault.si_addr)
        #elseif canImport(Musl)
            return UInt(bitPattern: info?.pointee.__si_fields.__sigfault.si_addr)
        #endif
    }

    #if !canImport(Darwin)
        // Constants of the kernel's interface, which C libraries name in different ways.
        private static var busNoSuchAddress: Int32 { 2 }  // BUS_ADRERR
        private static var busObjectError: Int32 { 3 }  // BUS_OBJERR
        private static var busMemoryErrorHere: Int32 { 4 }  // BUS_MCEERR_AR
        private static var busMemoryErrorElsewhere: Int32 { 5 }  // BUS_MCEERR_AO
    #endif

    /// Replaces a page with zero-filled memory of this process. Does not use `map`, whose result
    /// type is more than a handler should use.
    static func placeZeros(at address: UInt, byteCount: Int) -> Bool {
        #if canImport(Darwin)
            let flags = MAP_PRIVATE | MAP_FIXED | MAP_ANON
        #else
            let flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE
        #endif
        let result = unsafe mmap(
            UnsafeMutableRawPointer(bitPattern: address), byteCount, PROT_READ | PROT_WRITE, flags,
            -1, 0)
        return UInt(bitPattern: result) == address
    }
}
