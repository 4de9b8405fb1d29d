// The macro cannot see that the name stands for a raw type: the program must say what is stored.
import Holdfast

typealias Code = Int16

// expected: the enum has raw values: write '@Persistable(.plain)' to store them
@Persistable enum Level: Code { case low, high }
