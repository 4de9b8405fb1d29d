#include "CHoldfast.h"

int holdfast_fork_count = 0;
