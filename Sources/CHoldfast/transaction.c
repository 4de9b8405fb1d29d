#include "CHoldfast.h"

_Thread_local void *_Nullable holdfast_innermost_transaction = NULL;
