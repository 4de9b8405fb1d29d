import HoldfastEngine

extension Optional: ConvertibleForm where Wrapped: Persistable {
    static func conversion(
        from old: TypeShape, _ planner: inout ConversionPlanner, at place: String
    ) throws -> FormConversion? {
        let layout = FormLayout(of: Self.self)
        // After the flag, at the wrapped form's own alignment.
        let newOffset = MemoryLayout<Wrapped.Stored>.alignment
        guard case .optional(let wrapped) = old else {
            // A value becomes an optional with a value.
            let form = try planner.conversion(from: old, to: Wrapped.self, at: place)
            return FormConversion(
                from: form.old, to: layout, isRepeatable: form.isRepeatable
            ) { old, new, access in
                new.storeBytes(of: 1, as: UInt8.self)
                form.step(old, new + newOffset, access)
            }
        }
        let form = try planner.conversion(from: wrapped, to: Wrapped.self, at: place)
        let oldOffset = form.old.alignment
        return FormConversion(
            from: FormLayout(size: oldOffset + form.old.size, alignment: oldOffset), to: layout,
            isRepeatable: form.isRepeatable
        ) { old, new, access in
            guard old.load(as: UInt8.self) != 0 else { return }
            new.storeBytes(of: 1, as: UInt8.self)
            form.step(old + oldOffset, new + newOffset, access)
        }
    }
}

extension PersistentValue: ConvertibleForm {
    static func conversion(
        from old: TypeShape, _ planner: inout ConversionPlanner, at place: String
    ) throws -> FormConversion? {
        guard case .generic("Value", let parameters) = old, parameters.count == 1 else {
            return nil
        }
        let form = try planner.conversion(from: parameters[0], to: Value.self, at: place)
        return FormConversion(from: .place, to: .place, isRepeatable: false) { old, new, access in
            let place = old.load(as: UInt64.self)
            let source = access.address(place, form.old.size)
            let block = access.allocateZeros(
                byteCount: form.new.size, alignment: form.new.alignment)
            form.step(source, access.address(block, form.new.size), access)
            access.free(place, byteCount: form.old.size, alignment: form.old.alignment)
            new.storeBytes(of: block, as: UInt64.self)
        }
    }
}
