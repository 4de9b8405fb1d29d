// A root that the schema does not declare, and a value of another type than it declares.
import Holdfast

@HeapSchema struct Shop { var stock: PersistentMap<String, Int> }

func use(_ shop: TypedHeap<Shop>) throws {
    try shop.write { shop in
        // expected: value of type 'Shop' has no member 'stok'
        shop.stok["bolt"] = 1
    }
    try shop.write { shop in
        // expected: cannot assign value of type 'String' to subscript of type 'Int'
        shop.stock["bolt"] = "1"
    }
}
