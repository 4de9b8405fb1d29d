// A tuple has no stored form in a record.
import Holdfast

@Persistable struct Holder {
    // expected: 'pair' is a tuple, which has no stored form here
    var pair: (Int, String)
}
