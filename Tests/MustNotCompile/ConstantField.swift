// A field declared with `let` cannot be set through a reference either.
import Holdfast

struct Node: HeapRecord { let value: Int }

func use(_ node: HeapRef<Node>) {
    // expected: cannot assign to property: 'value' is a 'let' constant
    node.value = 2
}
