/// What an expansion of ``Persistable()`` has the compiler check. Programs do not use it.
public enum PersistableChecks {
    /// The form of an enum without raw values: its cases.
    public struct CaseForm {
        @inlinable
        init() {}
    }

    /// The form of an enum with raw values.
    public struct RawForm {
        @inlinable
        init() {}
    }

    /// Returns the form of a type without raw values.
    @inlinable
    public static func form<T>(of type: T.Type) -> CaseForm { CaseForm() }

    /// Returns the form of a type with raw values, whose raw type the macro has not recognised.
    @inlinable
    public static func form<T: RawRepresentable>(of type: T.Type) -> RawForm { RawForm() }

    /// Accepts an enum without raw values.
    @inlinable
    public static func requireCases(_ form: CaseForm) {}

    /// Refuses an enum with raw values.
    @available(
        *, unavailable,
        message: "the enum has raw values: write '@Persistable(.plain)' to store them"
    )
    @inlinable
    public static func requireCases(_ form: RawForm) {}
}
