// A field declared with `let` cannot be set through a reference either.
import Holdfast

struct Node: PersistableRecord { let value: Int }

func use(_ node: Ref<Node>) {
    // expected: cannot assign to property: 'value' is a 'let' constant
    node.value = 2
}
