// Objects have no meaning in another process.
import Holdfast

// expected: @Persistable is for structs and enums, not for a type declared with 'class'
@Persistable final class Contact { var name = "" }
// expected: @Persistable is for structs and enums, not for a type declared with 'actor'
@Persistable actor Queue { var name = "" }
