// What '.plain' does not fit, and an argument that the macro cannot read.
import Holdfast

let form = PersistableForm.plain

// expected: has no raw values to be stored as
@Persistable(.plain) enum Level { case low, high }
// expected: has a payload, so it cannot be stored as a raw value
@Persistable(.plain) enum Amount { case some(Int) }
// expected: the argument of @Persistable must be written '.plain'
@Persistable(form) struct Entry { var number: Int }
